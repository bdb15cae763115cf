//! What is to be trained, written down before anybody shows a row: columns, parameters and rounds.
//!
//! Several parties agree on the bytes of a recipe, so that it says everything that a model depends on besides the rows. What
//! it does not know it refuses: a word that is passed over would be agreed on and not done.
//!
//! ```text
//! {
//!   "label": "y",
//!   "features": ["age", "ward"],
//!   "categories": ["ward"],
//!   "params": {"objective": "binary:logistic", "eta": 0.1},
//!   "rounds": 50
//! }
//! ```

use crate::format::{self, Value};
use crate::params::{ParamError, Params};
use std::collections::BTreeSet;

/// What is to be trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The column that the model is to predict.
    pub label: String,
    /// The columns that it sees, in their order.
    pub features: Vec<String>,
    /// Those of them that are categories.
    pub categories: BTreeSet<String>,
    /// The column that says how much a row counts.
    pub weight: Option<String>,
    /// The column whose numbers stay with rows.
    pub id: Option<String>,
    /// The column that says which rows are ranked against each other.
    pub qid: Option<String>,
    /// By XGBoost's names.
    pub params: Params,
    /// How many.
    pub rounds: usize,
    /// The name of the rows that the model is judged by, which it is not trained on.
    pub valid: Option<String>,
    /// Ends when the last metric has not become better for so many rounds.
    pub early_stopping: Option<usize>,
}

/// Why bytes are no recipe.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecipeError {
    /// More than anybody reads before agreeing.
    #[error("a recipe has at most {MOST_BYTES} bytes")]
    Long,
    /// No JSON object.
    #[error("it is not a JSON object: {0}")]
    File(String),
    /// An entry that nobody knows.
    #[error("there is no entry `{0}`; there are {all}", all = KEYS.join(", "))]
    Unknown(String),
    /// An entry that has to be there.
    #[error("the entry `{0}` is missing")]
    Missing(&'static str),
    /// An entry that is something else.
    #[error("the entry `{0}` should be {1}")]
    Shape(&'static str, &'static str),
    /// Columns that do not go together.
    #[error("{0}")]
    Columns(String),
    /// A parameter.
    #[error(transparent)]
    Params(#[from] ParamError),
}

/// Names of 2^14 features of 60 bytes.
const MOST_BYTES: usize = 1 << 20;

/// Rounds at most: a tree for each of them is kept.
const MOST_ROUNDS: f64 = 1_000_000.0;

const KEYS: &[&str] = &[
    "label",
    "features",
    "categories",
    "weight",
    "id",
    "qid",
    "params",
    "rounds",
    "valid",
    "early_stopping",
];

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// If it is none, or says something that cannot be done.
    pub fn read(bytes: &[u8]) -> Result<Self, RecipeError> {
        if bytes.len() > MOST_BYTES {
            return Err(RecipeError::Long);
        }
        let value = format::read(bytes).map_err(|error| RecipeError::File(error.to_string()))?;
        let Value::Map(entries) = &value else {
            return Err(RecipeError::File("it is something else".to_owned()));
        };
        if let Some((name, _)) = entries.iter().find(|(name, _)| !KEYS.contains(&name.as_str())) {
            return Err(RecipeError::Unknown(name.clone()));
        }
        let entries = Entries(&value);
        let recipe = Self {
            label: entries.text("label")?.ok_or(RecipeError::Missing("label"))?,
            features: entries.texts("features")?.ok_or(RecipeError::Missing("features"))?,
            categories: entries.texts("categories")?.unwrap_or_default().into_iter().collect(),
            weight: entries.text("weight")?,
            id: entries.text("id")?,
            qid: entries.text("qid")?,
            params: entries.params()?,
            rounds: entries.whole("rounds")?.ok_or(RecipeError::Missing("rounds"))?,
            valid: entries.text("valid")?,
            early_stopping: entries.whole("early_stopping")?,
        };
        recipe.check()?;
        Ok(recipe)
    }

    /// The columns besides features, with what they are for.
    pub fn roles(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let label = [("label", self.label.as_str())];
        let rest =
            [("weight", self.weight.as_deref()), ("id", self.id.as_deref()), ("qid", self.qid.as_deref())];
        label.into_iter().chain(rest.into_iter().filter_map(|(role, name)| Some((role, name?))))
    }

    /// A column has one part, and categories are features.
    fn check(&self) -> Result<(), RecipeError> {
        let mut seen = BTreeSet::new();
        let names = self.features.iter().map(String::as_str).chain(self.roles().map(|(_, name)| name));
        for name in names {
            if !seen.insert(name) {
                return Err(RecipeError::Columns(format!("the column `{name}` is named twice")));
            }
        }
        if self.features.is_empty() {
            return Err(RecipeError::Columns("no feature is named".to_owned()));
        }
        if let Some(name) = self.categories.iter().find(|name| !self.features.contains(name)) {
            return Err(RecipeError::Columns(format!("the category `{name}` is no feature")));
        }
        if self.early_stopping.is_some() && self.valid.is_none() {
            return Err(RecipeError::Missing("valid"));
        }
        Ok(())
    }
}

/// The entries of a recipe, by name.
struct Entries<'a>(&'a Value);

impl Entries<'_> {
    fn text(&self, name: &'static str) -> Result<Option<String>, RecipeError> {
        let text = |value: &Value| value.text().map(str::to_owned);
        self.0.get(name).map(|value| text(value).ok_or(RecipeError::Shape(name, "a name"))).transpose()
    }

    fn texts(&self, name: &'static str) -> Result<Option<Vec<String>>, RecipeError> {
        let texts = |value: &Value| {
            value.list()?.iter().map(|name| name.text().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        let wrong = RecipeError::Shape(name, "a list of names");
        self.0.get(name).map(|value| texts(value).ok_or(wrong)).transpose()
    }

    fn whole(&self, name: &'static str) -> Result<Option<usize>, RecipeError> {
        let whole = |value: &Value| {
            let number = value.number().filter(|number| (1.0..=MOST_ROUNDS).contains(number))?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between small bounds, and whole"
            )]
            (number.fract() == 0.0 && !matches!(value, Value::Bool(_))).then_some(number as usize)
        };
        let wrong = RecipeError::Shape(name, "a whole number from 1 to 1000000");
        self.0.get(name).map(|value| whole(value).ok_or(wrong)).transpose()
    }

    fn params(&self) -> Result<Params, RecipeError> {
        let mut params = Params::default();
        match self.0.get("params") {
            None => {}
            Some(Value::Map(entries)) => params.set_all(entries)?,
            Some(_) => return Err(RecipeError::Shape("params", "an object of names and values")),
        }
        Ok(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"{"label": "y", "features": ["a", "b"], "categories": ["b"], "weight": "w", "id": "i",
        "params": {"eta": 0.1, "objective": "binary:logistic"}, "rounds": 5, "valid": "later", "early_stopping": 2}"#;

    #[test]
    fn a_recipe_says_everything_that_a_model_depends_on() {
        let recipe = Recipe::read(SOUND.as_bytes()).unwrap();
        assert_eq!((recipe.label.as_str(), recipe.rounds, recipe.early_stopping), ("y", 5, Some(2)));
        assert_eq!(recipe.features, ["a", "b"]);
        assert_eq!(recipe.params.settings().len(), 2);
        assert_eq!(recipe.roles().collect::<Vec<_>>(), [("label", "y"), ("weight", "w"), ("id", "i")]);
        let least = Recipe::read(br#"{"label": "y", "features": ["a"], "rounds": 1}"#).unwrap();
        assert_eq!((least.params, least.valid), (Params::default(), None));
    }

    #[test]
    fn what_it_does_not_know_it_refuses() {
        let said = |from: &str, to: &str| {
            let text = SOUND.replacen(from, to, 1);
            assert_ne!(text, SOUND, "{from}");
            Recipe::read(text.as_bytes()).unwrap_err().to_string()
        };
        for (from, to, why) in [
            ("\"rounds\": 5", "\"round\": 5", "there is no entry `round`"),
            ("\"rounds\": 5, ", "", "the entry `rounds` is missing"),
            ("\"rounds\": 5", "\"rounds\": 0", "`rounds` should be a whole number"),
            ("\"rounds\": 5", "\"rounds\": 1e9", "`rounds` should be a whole number"),
            ("\"rounds\": 5", "\"rounds\": true", "`rounds` should be a whole number"),
            ("\"rounds\": 5", "\"rounds\": 2.5", "`rounds` should be a whole number"),
            ("\"label\": \"y\"", "\"label\": \"a\"", "the column `a` is named twice"),
            ("\"label\": \"y\"", "\"label\": 1", "`label` should be a name"),
            ("[\"a\", \"b\"]", "[\"b\", \"b\"]", "the column `b` is named twice"),
            ("[\"a\", \"b\"]", "[\"a\", 1]", "`features` should be a list of names"),
            ("[\"a\", \"b\"]", "[]", "no feature is named"),
            ("\"categories\": [\"b\"]", "\"categories\": [\"c\"]", "the category `c` is no feature"),
            ("\"valid\": \"later\", ", "", "the entry `valid` is missing"),
            ("\"eta\": 0.1", "\"etta\": 0.1", "did you mean `eta`?"),
            ("\"eta\": 0.1", "\"updater\": 1", "cannot be used here"),
            ("{\"eta\": 0.1, \"objective\": \"binary:logistic\"}", "[1]", "`params` should be an object"),
            ("\"weight\": \"w\"", "\"label\": \"w\"", "is not a JSON object"),
        ] {
            let told = said(from, to);
            assert!(told.contains(why), "{from} -> {to}: {told}");
        }
        assert!(matches!(Recipe::read(b"[]"), Err(RecipeError::File(_))));
        assert!(matches!(Recipe::read(b""), Err(RecipeError::File(_))));
        assert_eq!(Recipe::read(&vec![b' '; MOST_BYTES + 1]), Err(RecipeError::Long));
    }
}
