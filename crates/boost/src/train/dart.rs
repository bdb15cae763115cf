//! Dropping trees while others are trained (DART), with XGBoost's rules for their weights.
//!
//! Which trees are dropped is drawn by seed, round and place of a tree, so that it depends on nothing of the rows.

use crate::model::{Member, Model};
use crate::params::{Dart, Params};
use crate::random::{hash, unit};

/// What streams of numbers are for.
const SKIP: u64 = 0x736b_6970;
const DROP: u64 = 0x6472_6f70;
const ONE: u64 = 0x6f6e_6564;

/// The trees that a round is trained without.
pub(super) fn dropped(params: &Params, round: usize, trees: &[Member]) -> Vec<usize> {
    let Dart { rate_drop, skip_drop, one_drop, weighted, .. } = params.dart;
    let drawn = |what: u64, tree: usize| unit(hash(&[params.seed, what, round as u64, tree as u64]));
    if !params.drops() || trees.is_empty() || drawn(SKIP, 0) < skip_drop {
        return Vec::new();
    }
    let all: f64 = trees.iter().map(|member| f64::from(member.weight)).sum();
    let rate = |member: &Member| match weighted {
        true => rate_drop * trees.len() as f64 * f64::from(member.weight) / all,
        false => rate_drop,
    };
    let mut dropped: Vec<usize> = trees
        .iter()
        .enumerate()
        .filter(|(at, member)| drawn(DROP, *at) < rate(member))
        .map(|(at, _)| at)
        .collect();
    if dropped.is_empty() && one_drop {
        dropped.push(one(drawn(ONE, 0), if weighted { all } else { 0.0 }, trees));
    }
    dropped
}

/// One tree: by its part of all weights, or each as likely as another where these are nothing.
fn one(drawn: f64, all: f64, trees: &[Member]) -> usize {
    let part =
        |member: &Member| if all > 0.0 { f64::from(member.weight) / all } else { 1.0 / trees.len() as f64 };
    let mut end = 0.0;
    let found = trees.iter().position(|member| {
        end += part(member);
        drawn < end
    });
    // Parts may add up to a little less than 1.
    found.unwrap_or(trees.len() - 1)
}

/// What the others say.
pub(super) fn without(model: &Model, dropped: &[usize]) -> Model {
    let mut rest = model.clone();
    dropped.iter().for_each(|at| rest.trees[*at].weight = 0.0);
    rest
}

/// Sets the weights of the trees from `first` on, and of those that were dropped for them, such that together they reach as
/// far as those did.
pub(super) fn weigh(params: &Params, trees: &mut [Member], first: usize, dropped: &[usize]) {
    let step = f64::from(params.eta) / (trees.len() - first) as f64;
    let count = dropped.len() as f64;
    let (kept, new) = match params.dart.forest {
        true => (1.0 / (1.0 + step), 1.0 / (1.0 + step)),
        false => (count / (count + step), 1.0 / (count + step)),
    };
    #[expect(clippy::cast_possible_truncation, reason = "models hold single precision")]
    let (kept, new) = (kept as f32, new as f32);
    dropped.iter().for_each(|at| trees[*at].weight *= kept);
    trees[first..].iter_mut().for_each(|member| member.weight = new);
}
