//! One mesh for the whole model: all shapes of it.

use super::make::{gap, whole, words};
use super::wire::ConsideredWire;
use crate::cluster::{Cluster, deep_shapes, shapes};
use crate::effort::Effort;
use crate::intra::{Benches, NoSplit, Split, split};
use crate::model::Model;
use crate::solve::Care;

/// What came of each shape.
#[derive(Debug, Default)]
pub(super) struct Meshes {
    looked: Vec<(Vec<u64>, Result<Split, NoSplit>)>,
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
        // The largest inner axis first, which is often best: meshes that cannot be better end soon. Those that take longest come last.
        let mut shapes = shapes(cluster, cluster.devices());
        shapes.reverse();
        shapes.extend(deep_shapes(cluster, cluster.devices()).into_iter().rev());
        for sizes in shapes.into_iter().filter(|sizes| sizes.len() <= effort.axes()) {
            let at = self.looked.iter().position(|(known, _)| *known == sizes);
            if at.is_some_and(|at| proven(&self.looked[at].1)) {
                continue;
            }
            progress(&format!("mesh {}", words(&sizes)));
            let care = Care { known: self.seconds(), ..effort.plan() };
            let made = split(model, benches.at(&sizes), most, care);
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
        let bytes = self.looked.iter().filter_map(|(_, made)| match made {
            Err(NoSplit::Memory(bytes)) => Some(*bytes),
            _ => None,
        });
        bytes.fold(f64::INFINITY, f64::min)
    }

    pub(super) fn considered(&self) -> Vec<ConsideredWire> {
        self.looked.iter().map(|(sizes, made)| considered(sizes, made)).collect()
    }
}

/// Whether nothing better can come of it.
fn proven(made: &Result<Split, NoSplit>) -> bool {
    match made {
        Ok(split) => split.bound >= split.seconds,
        Err(NoSplit::Worse(_)) => true,
        Err(_) => false,
    }
}

fn keep_better(known: &mut Result<Split, NoSplit>, made: Result<Split, NoSplit>) {
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

fn considered(sizes: &[u64], made: &Result<Split, NoSplit>) -> ConsideredWire {
    let what = format!("mesh {}", words(sizes));
    let (mut step_s, mut least_s, mut gap_share, mut peak_bytes) = (None, None, None, 0.0);
    match made {
        Ok(split) => {
            (step_s, gap_share) = (Some(split.seconds), Some(gap(split.seconds, split.bound)));
            peak_bytes = split.peak_bytes;
        }
        Err(NoSplit::Memory(bytes)) => peak_bytes = *bytes,
        Err(NoSplit::Worse(seconds)) => least_s = Some(*seconds),
        Err(NoSplit::Forbidden) => {}
    }
    ConsideredWire { what, step_s, least_s, refused: None, gap: gap_share, peak_bytes: whole(peak_bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_that_was_left_out_is_no_better_than_the_one_that_was_taken() {
        let model = Model::read(include_bytes!("../../tests/data/blocks.json")).unwrap();
        let mut left_out = 0;
        for cluster in ["8xT4", "8xH100", "16xA100@10", "32xA100"] {
            let cluster = Cluster::parse(cluster).unwrap();
            let (mut benches, mut meshes) = (Benches::new(&cluster), Meshes::default());
            meshes.look(&model, &cluster, &mut benches, Effort::default(), &mut |_| ());
            for (sizes, made) in &meshes.looked {
                let Err(NoSplit::Worse(least)) = made else { continue };
                let whole =
                    split(&model, benches.at(sizes), f64::INFINITY, Effort::default().plan()).unwrap();
                assert!(
                    whole.seconds >= *least && *least >= meshes.seconds(),
                    "{sizes:?} on {}",
                    cluster.name
                );
                left_out += 1;
            }
        }
        assert!(left_out > 0, "every mesh was looked at to the end");
    }
}
