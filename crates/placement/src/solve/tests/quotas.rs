//! Free quotas that several meters share: the search against brute force.

use super::{GRAPHS, Instance, Rng, brute_force, check, goals};
use crate::solve::meters::{Curve, Meters, SharedQuota};
use welkin_route::{TariffId, Tariffs};
use welkin_units::Bytes;

/// Three meters of which a free quota of so many bytes is one, or that of two and one of its own.
fn tariffs(rng: &mut Rng) -> Tariffs {
    let mut text = "provider,source,scope,to,meter,tiers,unit,quota\n".to_owned();
    let free = format!("0.0000000{:02}", 1 + rng.below(40));
    for meter in ["m", "n", "o"] {
        let (price, later) = (rng.between(1, 5), rng.between(1, 5));
        let quota = if rng.below(4) == 0 { "" } else { "all" };
        text += &format!("{meter},*,internet,,{meter},0<={free} {price}<=0.00000015 {later},GB,{quota}\n");
    }
    text += "*,*,internet,,x,0,GB,\n*,*,provider,,y,0,GB,\n*,*,same-region,,z,0,GB,\n";
    Tariffs::parse(&text).unwrap()
}

impl Instance {
    pub(super) fn with_quotas(mut self, rng: &mut Rng) -> Self {
        let tariffs = tariffs(rng);
        let used = rng.below(2);
        let volume = |rng: &mut Rng, id: usize| if id < 3 && used == 0 { rng.next() % 30 } else { 0 };
        let already: Vec<Bytes> = (0..tariffs.len()).map(|id| Bytes::new(volume(rng, id))).collect();
        let curve = |id: u16| Curve { tariff: tariffs.on_top(&already, TariffId(id)), already: Bytes::ZERO };
        let width = usize::from(self.classes.iter().max().unwrap() + 1);
        let mut any = |length: usize| (0..length).map(|_| u16::try_from(rng.below(3)).unwrap()).collect();
        let (of_move, of_stay) = (any(self.classes.len() * width), any(self.classes.len()));
        let quotas = tariffs.quotas().iter();
        let quotas =
            quotas.map(|quota| SharedQuota { quota: quota.clone(), already: already.as_slice().into() });
        let (quotas, curves) = (quotas.collect(), (0..3).map(curve).collect());
        self.meters = Some(Meters { curves, of_move, of_stay, quotas });
        for edge in &mut self.edges {
            edge.volume = rng.next() % 25;
        }
        self
    }
}

#[test]
fn a_quota_that_meters_share_is_used_up_once() {
    for seed in 0..2_000 {
        let mut rng = Rng(seed + 4_000_000);
        let graph = GRAPHS[rng.below(5)];
        let count = 2 + rng.below(4);
        let instance = Instance::random(&mut rng, graph, count, 4).with_quotas(&mut rng);
        let all = instance.all();
        let problem = instance.problem();
        for (index, goal) in goals(&mut rng, &all).into_iter().enumerate() {
            check(&problem, &goal, brute_force(&all, &goal), &format!("{graph:?} seed {seed} goal {index}"));
        }
    }
}
