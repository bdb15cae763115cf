//! A value as a model.

use super::trees;
use super::{ModelError, VERSION, field};
use crate::format::Value;
use crate::link::Link;
use crate::model::{Member, Model, ModelFeatures};

/// A model has a tree for each output and round. One without trees may have this many outputs: each takes memory for every
/// row that is predicted, which a short file must not ask for.
const MOST_OUTPUTS: usize = 1 << 10;

/// As many features as data can have.
const MOST_FEATURES: usize = 1 << 20;

pub(crate) fn model(value: &Value) -> Result<Model, ModelError> {
    version(value)?;
    let learner = value.get("learner").ok_or_else(|| field("learner"))?;
    let parameters = learner.get("learner_model_param").ok_or_else(|| field("learner_model_param"))?;
    let objective = learner.get("objective").ok_or_else(|| field("objective"))?;
    let name = objective.get("name").and_then(Value::text).ok_or_else(|| field("objective.name"))?;
    let link = Link::of(name).ok_or_else(|| ModelError::Unsupported(format!("the objective `{name}`")))?;
    let features = features(learner, parameters)?;
    let booster = learner.get("gradient_booster").ok_or_else(|| field("gradient_booster"))?;
    let (forest, weights) = forest(booster)?;
    let mut model = Model {
        objective: objective.clone(),
        link,
        base_score: base_score(parameters)?,
        classes: count(parameters, "num_class", Some(0))?,
        targets: count(parameters, "num_target", Some(1))?,
        features,
        trees: Vec::new(),
        rounds: Vec::new(),
        weighted: weights.is_some(),
        attributes: attributes(learner)?,
    };
    let outputs = model.outputs();
    let trees = forest.get("trees").and_then(Value::list).map_or(0, <[Value]>::len);
    if outputs > trees.max(MOST_OUTPUTS) {
        return Err(ModelError::Length("trees".to_owned()));
    }
    if !(model.base_score.len() == 1 || model.base_score.len() == outputs) {
        return Err(ModelError::Length("base_score".to_owned()));
    }
    if model.base_score.iter().any(|score| link.margin(*score).is_none()) {
        return Err(field("base_score"));
    }
    model.trees = members(forest, weights, &model)?;
    model.rounds = rounds(forest, model.trees.len(), outputs)?;
    Ok(model)
}

fn version(value: &Value) -> Result<(), ModelError> {
    let version = value.get("version").and_then(Value::numbers).ok_or_else(|| field("version"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for a message")]
    match version.first() {
        Some(major) if *major > f64::from(VERSION[0]) => Err(ModelError::Newer(*major as u32)),
        Some(_) => Ok(()),
        None => Err(field("version")),
    }
}

/// A parameter, which XGBoost writes as a text.
fn count(parameters: &Value, name: &str, absent: Option<usize>) -> Result<usize, ModelError> {
    match parameters.get(name) {
        None => absent.ok_or_else(|| field(name)),
        Some(value) => value.text().and_then(|text| text.parse().ok()).ok_or_else(|| field(name)),
    }
}

/// One number, or since XGBoost 3.1 a list of them in brackets.
fn base_score(parameters: &Value) -> Result<Vec<f32>, ModelError> {
    let text = parameters.get("base_score").and_then(Value::text).ok_or_else(|| field("base_score"))?;
    let list = text.trim().trim_start_matches('[').trim_end_matches(']');
    let scores: Option<Vec<f32>> = list.split(',').map(|score| score.trim().parse().ok()).collect();
    scores.filter(|scores| scores.iter().all(|score| score.is_finite())).ok_or_else(|| field("base_score"))
}

fn features(learner: &Value, parameters: &Value) -> Result<ModelFeatures, ModelError> {
    let count = count(parameters, "num_feature", None)?;
    if count > MOST_FEATURES {
        return Err(ModelError::Unsupported(format!("a model of {count} features")));
    }
    let texts = |name: &str| -> Result<Vec<String>, ModelError> {
        let Some(value) = learner.get(name) else { return Ok(Vec::new()) };
        let list = value.list().ok_or_else(|| field(name))?;
        let texts: Option<Vec<String>> = list.iter().map(|text| text.text().map(str::to_owned)).collect();
        let texts = texts.ok_or_else(|| field(name))?;
        if texts.is_empty() || texts.len() == count {
            Ok(texts)
        } else {
            Err(ModelError::Length(name.to_owned()))
        }
    };
    Ok(ModelFeatures { count, names: texts("feature_names")?, types: texts("feature_types")? })
}

/// The map of the trees, and their weights where they have some.
fn forest(booster: &Value) -> Result<(&Value, Option<Vec<f64>>), ModelError> {
    let name = booster.get("name").and_then(Value::text).ok_or_else(|| field("gradient_booster.name"))?;
    match name {
        "gbtree" => Ok((booster.get("model").ok_or_else(|| field("gradient_booster.model"))?, None)),
        "dart" => {
            let plain = booster.get("gbtree").and_then(|plain| plain.get("model"));
            let weights = booster.get("weight_drop").and_then(Value::numbers);
            let forest = plain.ok_or_else(|| field("gradient_booster.gbtree"))?;
            Ok((forest, Some(weights.ok_or_else(|| field("weight_drop"))?)))
        }
        other => Err(ModelError::Unsupported(format!("the booster `{other}`"))),
    }
}

fn members(forest: &Value, weights: Option<Vec<f64>>, model: &Model) -> Result<Vec<Member>, ModelError> {
    let encoded = forest.get("cats").and_then(|cats| cats.get("enc")).and_then(Value::list);
    if encoded.is_some_and(|encoded| !encoded.is_empty()) {
        return Err(ModelError::Unsupported("a model that was trained on categories with names".to_owned()));
    }
    let trees = forest.get("trees").and_then(Value::list).ok_or_else(|| field("trees"))?;
    let info = forest.get("tree_info").and_then(Value::numbers).ok_or_else(|| field("tree_info"))?;
    let weights = weights.unwrap_or_else(|| vec![1.0; trees.len()]);
    if info.len() != trees.len() || weights.len() != trees.len() {
        return Err(ModelError::Length("tree_info".to_owned()));
    }
    let mut members: Vec<Option<Member>> = vec![None; trees.len()];
    for value in trees {
        let id = value.get("id").and_then(Value::number).and_then(index).ok_or_else(|| field("id"))?;
        let slot = members.get_mut(id).filter(|slot| slot.is_none()).ok_or_else(|| field("id"))?;
        let output = index(info[id]).filter(|output| *output < model.outputs());
        #[expect(clippy::cast_possible_truncation, reason = "they were written from single precision")]
        let weight = weights[id] as f32;
        if !weight.is_finite() {
            return Err(field("weight_drop"));
        }
        *slot = Some(Member {
            tree: trees::tree(value, id, model.features.count)?,
            output: output.ok_or_else(|| field("tree_info"))?,
            weight,
        });
    }
    members.into_iter().collect::<Option<_>>().ok_or_else(|| field("id"))
}

/// Where rounds end. Models from before they were noted have as many trees in each as outputs and parallel trees say.
fn rounds(forest: &Value, trees: usize, outputs: usize) -> Result<Vec<usize>, ModelError> {
    let name = "iteration_indptr";
    let Some(noted) = forest.get(name) else {
        let parameters = forest.get("gbtree_model_param").ok_or_else(|| field("gbtree_model_param"))?;
        let parallel = count(parameters, "num_parallel_tree", Some(1))?.clamp(1, trees.max(1));
        return Ok((0..=trees).step_by(parallel.saturating_mul(outputs)).collect());
    };
    let ends = noted.numbers().ok_or_else(|| field(name))?;
    let ends = ends.into_iter().map(index).collect::<Option<Vec<_>>>().ok_or_else(|| field(name))?;
    let sound = ends.first() == Some(&0) && ends.last() == Some(&trees) && ends.is_sorted();
    if sound { Ok(ends) } else { Err(field(name)) }
}

fn attributes(learner: &Value) -> Result<Vec<(String, String)>, ModelError> {
    match learner.get("attributes") {
        None => Ok(Vec::new()),
        Some(Value::Map(entries)) => {
            let text = |value: &Value| value.text().map(str::to_owned).ok_or_else(|| field("attributes"));
            entries.iter().map(|(name, value)| Ok((name.clone(), text(value)?))).collect()
        }
        Some(_) => Err(field("attributes")),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "compared with what it came from"
)]
fn index(number: f64) -> Option<usize> {
    let whole = number as u32;
    (f64::from(whole) == number).then_some(whole as usize)
}
