//! A model: trees, and how their sums are read.

use crate::format::{self, Format, ModelError, Value};
use crate::link::Link;
use crate::tree::Tree;

/// A trained model, ours or XGBoost's.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The objective, with its parameters, as the file has it.
    pub(crate) objective: Value,
    pub(crate) link: Link,
    /// What predictions begin with, one for each output, or one for all.
    pub(crate) base_score: Vec<f32>,
    /// As the file has it: 0 where the objective has no classes.
    pub(crate) classes: usize,
    pub(crate) targets: usize,
    pub(crate) features: ModelFeatures,
    pub(crate) trees: Vec<Member>,
    /// At how many trees each round ended; 0 is the first.
    pub(crate) rounds: Vec<usize>,
    /// Whether trees have weights, as DART's do.
    pub(crate) weighted: bool,
    pub(crate) attributes: Vec<(String, String)>,
}

/// A tree's place in its model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) tree: Tree,
    /// The output that it adds to.
    pub(crate) output: usize,
    /// What its values are multiplied with; 1 but in DART.
    pub(crate) weight: f32,
}

/// The features that a model knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ModelFeatures {
    pub(crate) count: usize,
    /// Empty where nobody named them.
    pub(crate) names: Vec<String>,
    /// XGBoost's letters: `c` is a category.
    pub(crate) types: Vec<String>,
}

impl Model {
    /// Reads XGBoost's JSON or UBJSON.
    ///
    /// # Errors
    /// If it is neither, or no model that can be used, or not a sound one.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        format::model(&format::read(bytes)?)
    }

    /// Writes it as XGBoost would.
    #[must_use]
    pub fn write(&self, as_format: Format) -> Vec<u8> {
        format::write(&format::value(self), as_format)
    }

    /// XGBoost's name of what it was trained for.
    #[must_use]
    pub fn objective(&self) -> &str {
        self.objective.get("name").and_then(Value::text).unwrap_or_default()
    }

    /// How its margins become predictions.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// How many margins a row has.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.classes.max(self.targets).max(1)
    }

    /// What predictions begin with, one for each output, or one for all.
    #[must_use]
    pub fn base_score(&self) -> &[f32] {
        &self.base_score
    }

    /// How many features it knows.
    #[must_use]
    pub fn feature_count(&self) -> usize {
        self.features.count
    }

    /// Their names, empty where nobody named them.
    #[must_use]
    pub fn feature_names(&self) -> &[String] {
        &self.features.names
    }

    /// The name of a feature, `f` and its number where it has none.
    #[must_use]
    pub fn feature_name(&self, feature: usize) -> String {
        self.features.names.get(feature).cloned().unwrap_or_else(|| format!("f{feature}"))
    }

    /// Whether a feature is a category.
    #[must_use]
    pub fn is_category(&self, feature: usize) -> bool {
        self.features.types.get(feature).is_some_and(|kind| kind == "c")
    }

    /// Its trees, each with the output that it adds to.
    pub fn trees(&self) -> impl ExactSizeIterator<Item = (&Tree, usize)> {
        self.trees.iter().map(|member| (&member.tree, member.output))
    }

    /// How many rounds it was trained for.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.rounds.len().saturating_sub(1)
    }

    /// What was noted of it besides.
    #[must_use]
    pub fn attributes(&self) -> &[(String, String)] {
        &self.attributes
    }

    /// All but its trees.
    pub(crate) fn without_trees(&self) -> Self {
        let Self { objective, base_score, features, attributes, .. } = self;
        Self {
            objective: objective.clone(),
            link: self.link,
            base_score: base_score.clone(),
            classes: self.classes,
            targets: self.targets,
            features: features.clone(),
            trees: Vec::new(),
            rounds: vec![0],
            weighted: self.weighted,
            attributes: attributes.clone(),
        }
    }

    /// What each output's margin begins with.
    pub(crate) fn base_margins(&self) -> Vec<f32> {
        let margins = self.base_score.iter().map(|score| self.link.margin(*score).unwrap_or_default());
        let outputs = self.outputs();
        if self.base_score.len() == 1 { margins.cycle().take(outputs).collect() } else { margins.collect() }
    }
}
