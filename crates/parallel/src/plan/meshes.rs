//! One mesh for the whole model: all shapes of it.

use super::make::{gap, whole, words};
use super::wire::ConsideredWire;
use crate::cluster::{Cluster, shapes};
use crate::effort::Effort;
use crate::intra::{Benches, NoSplit, Split, split};
use crate::model::Model;

/// What came of each shape.
#[derive(Debug, Default)]
pub(super) struct Meshes {
    looked: Vec<(Vec<u64>, Result<Split, f64>)>,
}

impl Meshes {
    /// Splits the model over all shapes; those again that were not proven to be the best of their shape.
    pub(super) fn look(
        &mut self,
        model: &Model,
        cluster: &Cluster,
        benches: &mut Benches<'_>,
        effort: Effort,
        progress: &mut dyn FnMut(&str),
    ) {
        let most = cluster.device.usable_bytes;
        for sizes in shapes(cluster, cluster.devices()) {
            let at = self.looked.iter().position(|(known, _)| *known == sizes);
            let proven = |split: &Split| split.bound >= split.seconds;
            if at.is_some_and(|at| self.looked[at].1.as_ref().is_ok_and(proven)) {
                continue;
            }
            progress(&format!("mesh {}", words(&sizes)));
            let made = match split(model, benches.at(&sizes), most, effort.plan()) {
                Ok(split) => Ok(split),
                Err(NoSplit::Memory(bytes)) => Err(bytes),
                Err(NoSplit::Forbidden) => continue,
            };
            match at {
                None => self.looked.push((sizes, made)),
                Some(at) => keep_better(&mut self.looked[at].1, made),
            }
        }
    }

    pub(super) fn best(&self) -> Option<&Split> {
        let all = self.looked.iter().filter_map(|(_, made)| made.as_ref().ok());
        all.min_by(|a, b| a.seconds.total_cmp(&b.seconds))
    }

    /// Of the best.
    pub(super) fn seconds(&self) -> f64 {
        self.best().map_or(f64::INFINITY, |best| best.seconds)
    }

    /// The least memory that one of them needs, as far as is known, where none fits.
    pub(super) fn needed(&self) -> f64 {
        self.looked.iter().filter_map(|(_, made)| made.as_ref().err()).copied().fold(f64::INFINITY, f64::min)
    }

    pub(super) fn considered(&self) -> Vec<ConsideredWire> {
        self.looked.iter().map(|(sizes, made)| considered(sizes, made)).collect()
    }
}

fn keep_better(known: &mut Result<Split, f64>, made: Result<Split, f64>) {
    match (known, made) {
        (Ok(known), Ok(made)) => {
            let bound = known.bound.max(made.bound);
            if made.seconds < known.seconds {
                *known = made;
            }
            known.bound = bound.min(known.seconds);
        }
        (known @ Err(_), made) => *known = made,
        (Ok(_), Err(_)) => {}
    }
}

fn considered(sizes: &[u64], made: &Result<Split, f64>) -> ConsideredWire {
    let what = format!("mesh {}", words(sizes));
    let (step_s, gap, peak_bytes) = match made {
        Ok(split) => (Some(split.seconds), Some(gap(split.seconds, split.bound)), split.peak_bytes),
        Err(bytes) => (None, None, *bytes),
    };
    ConsideredWire { what, step_s, least_s: None, gap, peak_bytes: whole(peak_bytes) }
}
