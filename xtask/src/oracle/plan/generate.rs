//! A round from its seed.

use fastrand::Rng;

use super::goods::{ACCELERATORS, GOODS, Goods};
use super::piece::{Ask, Market, Objective, Offer, Origin, Piece, Task, Test, Time, Want};

/// Rounds that share a catalog, so that most find theirs imported.
const ROUNDS_PER_CATALOG: u64 = 8;
const MINUTE: i128 = 60_000;

/// The catalog first, then the job, then what is asked.
pub(super) fn pieces(seed: u64) -> Vec<Piece> {
    let offers = offers(&mut Rng::with_seed(seed / ROUNDS_PER_CATALOG));
    let mut rng = Rng::with_seed(seed ^ 0x9e37_79b9_7f4a_7c15);
    let mut pieces: Vec<Piece> = offers.iter().cloned().map(Piece::Offer).collect();
    let tasks = [1, 1, 2, 2, 2, 3, 3, 3, 4][rng.usize(..9)];
    for number in 0..tasks {
        task(&mut rng, &mut pieces, &offers, number);
    }
    edges(&mut rng, &mut pieces, tasks);
    rules(&mut rng, &mut pieces, &offers);
    asks(&mut rng, &mut pieces, &offers);
    pieces
}

fn one<T: Copy>(rng: &mut Rng, list: &[T]) -> T {
    list[rng.usize(..list.len())]
}

/// In `percent` of a hundred cases.
fn now_and_then(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(..100) < percent
}

fn offers(rng: &mut Rng) -> Vec<Offer> {
    let mut goods: Vec<&Goods> = GOODS.iter().collect();
    rng.shuffle(&mut goods);
    let mut offers = Vec::new();
    for goods in &goods[..rng.usize(1..4)] {
        for _ in 0..rng.usize(1..5) {
            let (region, zones) = one(rng, goods.regions);
            let zone = if zones.is_empty() { String::new() } else { format!("{region}{}", one(rng, zones)) };
            let offer = offer(rng, goods, region, zone);
            let same = |other: &Offer| {
                other.kind == offer.kind && (other.region, &other.zone) == (offer.region, &offer.zone)
            };
            if !offers.iter().any(same) {
                offers.push(offer);
            }
        }
    }
    offers
}

/// Prices lie near each other, so that what is moved decides; steps are a hundredth of a cent.
fn offer(rng: &mut Rng, goods: &Goods, region: &'static str, zone: String) -> Offer {
    const STEP: i128 = 100_000;
    let kind = one(rng, goods.kinds);
    let devices = kind.accelerator.map_or(0, |(_, count)| i128::from(count) * 8_000);
    let base = kind.vcpus * 300 + kind.gib * 40 + devices;
    let price = base * rng.i128(80..140) / 100;
    let spot = (goods.spot && now_and_then(rng, 70)).then(|| price * rng.i128(15..95) / 100 * STEP);
    Offer { provider: goods.provider, region, zone, kind, price: price * STEP, spot }
}

fn task(rng: &mut Rng, pieces: &mut Vec<Piece>, offers: &[Offer], number: u8) {
    let some = one_of(rng, offers).clone();
    let mut wants = Vec::new();
    let mut time = time(rng);
    match (some.kind.accelerator, rng.u32(..10)) {
        (Some(accelerator), 0..4) => {
            if now_and_then(rng, 40) {
                time = Time::By(ACCELERATORS.iter().map(|one| (*one, rng.i128(10..600) * MINUTE)).collect());
            }
            wants.push(accelerators(rng, accelerator));
        }
        (_, 4) => wants.push(Want::Type(some.kind.name.to_owned())),
        _ => {
            let exactly = now_and_then(rng, 15);
            let count = if exactly { some.kind.vcpus } else { rng.i128(1..=some.kind.vcpus) };
            wants.push(Want::Cpus { count, or_more: !exactly });
            match rng.u32(..5) {
                0 => wants.push(Want::MemoryPerVcpu(rng.i128(1..5))),
                1 => {}
                _ => wants.push(Want::Memory { gib: rng.i128(1..=some.kind.gib), or_more: true }),
            }
        }
    }
    resources(rng, &mut wants, offers, &some);
    policy(rng, &mut wants, offers, &some);
    let nodes = if now_and_then(rng, 20) { rng.u32(2..17) } else { 1 };
    pieces.push(Piece::Task(Task { number, nodes, time }));
    pieces.extend(wants.into_iter().map(|want| Piece::Want(number, want)));
    for _ in 0..[0, 0, 0, 1, 1, 2][rng.usize(..6)] {
        pieces.push(Piece::Input { task: number, from: origin(rng, offers), mb: volume(rng) });
    }
    for _ in 0..[0, 0, 0, 0, 1, 2][rng.usize(..6)] {
        pieces.push(Piece::Deliver { task: number, to: destination(rng), mb: volume(rng) });
    }
}

fn time(rng: &mut Rng) -> Time {
    let ms = rng.i128(1..1_200) * MINUTE;
    if now_and_then(rng, 30) {
        return Time::Scaled { ms, cpus: rng.i128(1..17), exponent: rng.i128(1..1_001) };
    }
    Time::Fixed { ms }
}

fn accelerators(rng: &mut Rng, wanted: (&'static str, u32)) -> Want {
    let mut of = vec![wanted];
    for other in ACCELERATORS {
        if *other != wanted && now_and_then(rng, 20) {
            of.insert(rng.usize(..=of.len()), *other);
        }
    }
    Want::Accelerators { of, in_order: rng.bool() }
}

fn resources(rng: &mut Rng, wants: &mut Vec<Want>, offers: &[Offer], some: &Offer) {
    let lists = wants.iter().any(|want| matches!(want, Want::Accelerators { of, .. } if of.len() > 1));
    if now_and_then(rng, 15) && !lists {
        let mut of: Vec<Want> = (0..rng.usize(1..3)).map(|_| Want::Infra(place_of(rng, offers))).collect();
        of.insert(rng.usize(..=of.len()), Want::Infra(place(rng, some)));
        wants.push(Want::Alternatives { of, in_order: rng.bool() });
    } else if now_and_then(rng, 12) {
        wants.push(Want::Infra(place(rng, some)));
    }
    let markets =
        if some.spot.is_some() { &[Market::Any, Market::Any, Market::Spot][..] } else { &[Market::Any] };
    if now_and_then(rng, 50) {
        wants.push(Want::Market(one(rng, markets)));
    }
    if now_and_then(rng, 5) {
        wants.push(Want::Hourly(some.price * rng.i128(90..150) / 100));
    }
}

fn one_of<'a>(rng: &mut Rng, offers: &'a [Offer]) -> &'a Offer {
    &offers[rng.usize(..offers.len())]
}

fn place_of(rng: &mut Rng, offers: &[Offer]) -> String {
    let offer = one_of(rng, offers);
    place(rng, offer)
}

/// A place as a user may write it, wholly or in part.
fn place(rng: &mut Rng, offer: &Offer) -> String {
    let start: String = offer.region.chars().take(2).collect();
    match rng.u32(..6) {
        0 | 1 => offer.provider.to_owned(),
        2 | 3 => format!("{}/{}", offer.provider, offer.region),
        4 if !offer.zone.is_empty() => format!("{}/{}/{}", offer.provider, offer.region, offer.zone),
        _ => format!("{}/{start}*", offer.provider),
    }
}

fn policy(rng: &mut Rng, wants: &mut Vec<Want>, offers: &[Offer], some: &Offer) {
    if now_and_then(rng, 4) {
        wants.push(Want::Deadline(rng.i128(300..2_500) * MINUTE));
    }
    if now_and_then(rng, 4) {
        wants.push(Want::Budget(rng.i128(100..8_000) * 10_000_000));
    }
    // Few machines have one, and those that have are asked for theirs.
    let confidential = ["DC", "n2d", "c3", "m6a"].iter().any(|part| some.kind.name.contains(part));
    if now_and_then(rng, if confidential { 40 } else { 2 }) {
        wants
            .push(Want::Tee(one(rng, &[&["sev-snp"][..], &["tdx"], &["sev-snp", "tdx"], &["any"]]).to_vec()));
    }
    if now_and_then(rng, 6) {
        wants.push(Want::Deny(vec![one_of(rng, offers).provider]));
    }
    if now_and_then(rng, 6) {
        wants.push(Want::Where(test(rng, offers)));
    }
    if now_and_then(rng, 20) {
        wants.push(Want::Preemptions { milli: one(rng, &[0, 10, 100, 400, 2_000]) });
    }
    if now_and_then(rng, 20) {
        wants.push(Want::Checkpoint { ms: rng.i128(1..200) * MINUTE });
    }
}

fn test(rng: &mut Rng, offers: &[Offer]) -> Test {
    let offer = one_of(rng, offers);
    match rng.u32(..5) {
        0 => Test::VcpusAtMost(offer.kind.vcpus),
        1 => Test::MemoryPerVcpu(rng.i128(2..8)),
        2 => Test::NotProvider(offer.provider),
        3 => Test::Jurisdiction(one(rng, &["us", "eu", "uk", "jp"])),
        _ => Test::SpotBelow(offer.price),
    }
}

/// From a megabyte to some terabytes, each length as likely.
fn volume(rng: &mut Rng) -> i128 {
    let digits = rng.u32(1..7);
    rng.i128(10_i128.pow(digits - 1)..10_i128.pow(digits)) * if now_and_then(rng, 30) { 5 } else { 1 }
}

const SCHEMES: &[(&str, &str)] = &[("s3", "aws"), ("gs", "gcp"), ("azblob", "azure")];

fn origin(rng: &mut Rng, offers: &[Offer]) -> Origin {
    let offer = one_of(rng, offers);
    let own = SCHEMES.iter().find(|(_, provider)| *provider == offer.provider);
    match (own, rng.u32(..10)) {
        (Some((scheme, _)), 0..7) => Origin::Region(scheme, offer.provider, offer.region),
        (_, 7) => {
            let (scheme, provider) = one(rng, SCHEMES);
            Origin::Provider(scheme, provider)
        }
        (_, 8) => Origin::Here("https://example.com/data"),
        _ => Origin::Here("file:///var/data"),
    }
}

fn destination(rng: &mut Rng) -> Origin {
    match rng.u32(..4) {
        0 => {
            let (scheme, provider) = one(rng, SCHEMES);
            Origin::Provider(scheme, provider)
        }
        _ => Origin::Here("file:///nowhere/results"),
    }
}

fn edges(rng: &mut Rng, pieces: &mut Vec<Piece>, tasks: u8) {
    for to in 1..tasks {
        for from in 0..to {
            let near = from + 1 == to;
            if now_and_then(rng, if near { 75 } else { 25 }) {
                pieces.push(Piece::Flow { from, to, mb: volume(rng) });
            } else if now_and_then(rng, 12) {
                pieces.push(Piece::After { from, to });
            }
        }
    }
}

fn rules(rng: &mut Rng, pieces: &mut Vec<Piece>, offers: &[Offer]) {
    let thousandths = |rng: &mut Rng| rng.i128(1..3_000);
    let objective = match rng.u32(..10) {
        0..5 => Objective { cost: 1_000, time: 0 },
        5 | 6 => Objective { cost: 0, time: 1_000 },
        _ => Objective { cost: thousandths(rng), time: thousandths(rng) },
    };
    pieces.push(Piece::Objective(objective));
    if now_and_then(rng, 15) {
        let provider = one_of(rng, offers).provider;
        pieces.push(Piece::Rule(Want::Score { provider, milli: rng.i128(300..2_000) }));
    }
    if now_and_then(rng, 25) {
        pieces.push(Piece::Budget(rng.i128(-50..1_000)));
    }
    if now_and_then(rng, 25) {
        pieces.push(Piece::Deadline(rng.i128(-50..1_000)));
    }
    if now_and_then(rng, 5) {
        pieces.push(Piece::Rule(Want::Residency(
            one(rng, &[&["eu"][..], &["us"], &["eu", "uk"], &["de", "us"]]).to_vec(),
        )));
    }
    if now_and_then(rng, 5) {
        pieces.push(Piece::Rule(Want::Certs(
            one(rng, &[&["iso27001"][..], &["soc2", "hipaa"], &["pci"]]).to_vec(),
        )));
    }
    // A job that allows and denies the same is refused before it is planned.
    let denies = pieces.iter().any(|piece| matches!(piece, Piece::Want(_, Want::Deny(_))));
    if now_and_then(rng, 5) && !denies {
        let mut names: Vec<&str> = offers.iter().map(|offer| offer.provider).collect();
        names.dedup();
        names.truncate(2);
        pieces.push(Piece::Rule(Want::Allow(names)));
    }
}

fn asks(rng: &mut Rng, pieces: &mut Vec<Piece>, offers: &[Offer]) {
    if now_and_then(rng, 30) {
        pieces.push(Piece::Ask(Ask::Front));
    }
    if now_and_then(rng, 30) {
        pieces.push(Piece::Ask(Ask::WhyNot(place_of(rng, offers))));
    }
}
