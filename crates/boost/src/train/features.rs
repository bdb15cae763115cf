//! What parameters and models say of features, held against those of the rows.

use super::{TrainError, Training};
use crate::data::{Features, Kind};
use crate::format::Value;
use crate::grow::Constraints;
use crate::loss::Loss;
use crate::model::{Model, ModelFeatures};
use crate::near::nearest;
use crate::params::{Directions, Params};

/// Features without their values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) names: &'a [String],
    pub(crate) kinds: &'a [Kind],
}

impl<'a> Named<'a> {
    pub(crate) fn of(features: &'a Features) -> Self {
        Self { names: features.names(), kinds: features.kinds() }
    }

    fn count(&self) -> usize {
        self.names.len()
    }
}

/// Constraints by feature, whatever they were named by.
pub(crate) fn constraints(params: &Params, features: &Named<'_>) -> Result<Constraints, TrainError> {
    let mut monotone = vec![0; features.count()];
    match &params.monotone_constraints {
        Directions::Places(list) if list.len() > monotone.len() => {
            let (got, most) = (list.len(), monotone.len());
            return Err(TrainError::Params(format!(
                "monotone_constraints has {got} entries for {most} features"
            )));
        }
        Directions::Places(list) => monotone[..list.len()].copy_from_slice(list),
        Directions::Names(named) => {
            for (name, direction) in named {
                monotone[place(name, features, "monotone_constraints")?] = *direction;
            }
        }
    }
    let set = |set: &Vec<String>| {
        let places = set.iter().map(|name| place(name, features, "interaction_constraints"));
        places.map(|place| place.map(|place| u32::try_from(place).unwrap_or(u32::MAX))).collect()
    };
    let interactions = params.interaction_constraints.iter().map(set).collect::<Result<_, _>>()?;
    if let Some(feature) =
        (0..monotone.len()).find(|f| monotone[*f] != 0 && features.kinds[*f] == Kind::Category)
    {
        let name = &features.names[feature];
        return Err(TrainError::Params(format!(
            "monotone_constraints: `{name}` is a category, which has no order"
        )));
    }
    Ok(Constraints { monotone, interactions })
}

/// A feature by its name, or its number.
fn place(name: &str, features: &Named<'_>, parameter: &str) -> Result<usize, TrainError> {
    let by_name = features.names.iter().position(|known| known == name);
    let by_number = || name.parse().ok().filter(|number| *number < features.count());
    by_name.or_else(by_number).ok_or_else(|| {
        let near = nearest(name, features.names.iter().map(String::as_str));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        TrainError::Params(format!("{parameter}: there is no feature `{name}`{near}"))
    })
}

/// A model without trees.
pub(super) fn beginning(training: &Training<'_>, loss: &dyn Loss) -> Result<Model, TrainError> {
    let base_score = match &training.params.base_score {
        Some(scores) => scores.clone(),
        None => loss.base_score(training.data),
    };
    begin_with(base_score, &Named::of(&training.data.features), loss)
}

/// The same, with that base score.
pub(crate) fn begin_with(
    base_score: Vec<f32>,
    features: &Named<'_>,
    loss: &dyn Loss,
) -> Result<Model, TrainError> {
    let link = loss.link();
    if let Some(score) = base_score.iter().find(|score| link.margin(**score).is_none()) {
        let name = loss.name();
        return Err(TrainError::Params(format!("a base_score of {score} cannot be used with {name}")));
    }
    let outputs = loss.outputs();
    if base_score.len() != 1 && base_score.len() != outputs {
        let (count, name) = (base_score.len(), loss.name());
        return Err(TrainError::Params(format!(
            "base_score has {count} values; {name} takes 1 or one for each output, which are {outputs}"
        )));
    }
    let kind = |kind: &Kind| if *kind == Kind::Category { "c" } else { "q" }.to_owned();
    Ok(Model {
        objective: objective(loss),
        link,
        base_score,
        classes: if loss.outputs() > 1 && !loss.has_targets() { loss.outputs() } else { 0 },
        targets: if loss.has_targets() { loss.outputs() } else { 1 },
        features: ModelFeatures {
            count: features.count(),
            names: features.names.to_vec(),
            types: features.kinds.iter().map(kind).collect(),
        },
        trees: Vec::new(),
        rounds: vec![0],
        weighted: false,
        attributes: Vec::new(),
    })
}

fn objective(loss: &dyn Loss) -> Value {
    let mut entries = vec![("name".to_owned(), Value::Text(loss.name().to_owned()))];
    entries.extend(loss.settings().into_iter().map(|(name, value)| (name.to_owned(), value)));
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Map(entries)
}

/// A model to go on with: its trees, its base score and its features stay.
pub(super) fn going_on(model: &Model, training: &Training<'_>, loss: &dyn Loss) -> Result<Model, TrainError> {
    let features = &training.data.features;
    let start = |what: String| Err(TrainError::Start(what));
    if model.objective() != loss.name() {
        return start(format!("it was trained for {}, not for {}", model.objective(), loss.name()));
    }
    if model.outputs() != loss.outputs() {
        return start(format!("it has {} outputs, not {}", model.outputs(), loss.outputs()));
    }
    if model.feature_count() != features.count() {
        return start(format!(
            "it has {} features, the rows have {}",
            model.feature_count(),
            features.count()
        ));
    }
    let names = model.feature_names();
    if let Some(other) = (0..names.len()).find(|at| names[*at] != features.names()[*at]) {
        return start(format!(
            "feature {other} is `{}` there and `{}` here",
            names[other],
            features.names()[other]
        ));
    }
    let categories = features.kinds().iter().map(|kind| *kind == Kind::Category);
    if let Some((other, _)) =
        categories.enumerate().find(|(at, category)| model.is_category(*at) != *category)
    {
        return start(format!("`{}` is a category in only one of model and rows", model.feature_name(other)));
    }
    Ok(Model { objective: objective(loss), ..model.clone() })
}
