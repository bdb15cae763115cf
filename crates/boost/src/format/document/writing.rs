//! A model as a value.

use super::VERSION;
use super::trees;
use crate::format::{Numbers, Value};
use crate::model::Model;

pub(crate) fn value(model: &Model) -> Value {
    let texts = |list: &[String]| Value::List(list.iter().cloned().map(Value::Text).collect());
    let attributes = model.attributes.iter().map(|(name, text)| (name.clone(), Value::Text(text.clone())));
    let learner = Value::map([
        ("attributes", Value::Map(attributes.collect())),
        ("feature_names", texts(&model.features.names)),
        ("feature_types", texts(&model.features.types)),
        ("gradient_booster", booster(model)),
        ("learner_model_param", parameters(model)),
        ("objective", model.objective.clone()),
    ]);
    Value::map([("learner", learner), ("version", integers(VERSION))])
}

fn integers(list: impl IntoIterator<Item = i32>) -> Value {
    // One by one, as XGBoost reads these few.
    Value::List(list.into_iter().map(|integer| Value::Integer(integer.into())).collect())
}

fn parameters(model: &Model) -> Value {
    let scores: Vec<String> = model.base_score.iter().map(|score| format!("{score:E}")).collect();
    Value::settings([
        ("base_score", format!("[{}]", scores.join(","))),
        ("boost_from_average", "1".to_owned()),
        ("num_class", model.classes.to_string()),
        ("num_feature", model.features.count.to_string()),
        ("num_target", model.targets.to_string()),
    ])
}

fn booster(model: &Model) -> Value {
    let plain = Value::map([("model", forest(model)), ("name", Value::Text("gbtree".to_owned()))]);
    if !model.weighted {
        return plain;
    }
    let weights = model.trees.iter().map(|member| Value::Real(member.weight.into())).collect();
    Value::map([
        ("gbtree", plain),
        ("name", Value::Text("dart".to_owned())),
        ("weight_drop", Value::List(weights)),
    ])
}

#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "fewer than 2^31 trees")]
fn forest(model: &Model) -> Value {
    let cats = Value::map([
        ("enc", Value::List(Vec::new())),
        ("feature_segments", Value::Numbers(Numbers::I32(Vec::new()))),
        ("sorted_idx", Value::Numbers(Numbers::I32(Vec::new()))),
    ]);
    let parameters = Value::settings([
        ("num_parallel_tree", parallel(model).to_string()),
        ("num_trees", model.trees.len().to_string()),
    ]);
    let trees = model.trees.iter().enumerate();
    Value::map([
        ("cats", cats),
        ("gbtree_model_param", parameters),
        ("iteration_indptr", integers(model.rounds.iter().map(|end| *end as i32))),
        ("tree_info", integers(model.trees.iter().map(|member| member.output as i32))),
        (
            "trees",
            Value::List(trees.map(|(id, m)| trees::value(id, &m.tree, model.features.count)).collect()),
        ),
    ])
}

/// Trees that each round has for each output, as XGBoost's forests do. Where rounds differ, XGBoost goes by where they end.
fn parallel(model: &Model) -> usize {
    let mut sizes = model.rounds.windows(2).map(|ends| ends[1] - ends[0]);
    let first = sizes.next().unwrap_or(1);
    let outputs = model.outputs();
    if first > 0 && first.is_multiple_of(outputs) && sizes.all(|size| size == first) {
        first / outputs
    } else {
        1
    }
}
