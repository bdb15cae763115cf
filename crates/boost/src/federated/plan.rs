//! What all parties know and have agreed to before a number is sent.

use super::bytes::{Reader, Unreadable, Writer};
use crate::data::{Data, Kind};
use crate::loss::{self, Loss};
use crate::metric::{self, Metric};
use crate::params::{ParamError, Params};

/// The version of messages and of what they mean.
const VERSION: u8 = 3;

/// What a training is, but for its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Parameters by name, in the order in which they were set.
    pub params: Vec<(String, String)>,
    /// How many rounds.
    pub rounds: u32,
    /// After how many rounds without a better score it ends.
    pub patience: Option<u32>,
    /// Whether answers are masked.
    pub masked: bool,
    /// Whether parties bring rows that the model is judged by, called `valid`.
    pub valid: bool,
    /// Whether it is judged by what it is trained on.
    pub score_training: bool,
    /// Who takes part, by name, in the order of names.
    pub parties: Vec<String>,
    /// What the rows of all of them are.
    pub schema: Schema,
}

/// What rows are, but for their values.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// Names of features.
    pub names: Vec<String>,
    /// Whether each is a category.
    pub categories: Vec<bool>,
    /// Whether rows count differently.
    pub weighted: bool,
    /// Whether rows have numbers of their own.
    pub numbered: bool,
}

/// Why parties cannot train together.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is no plan, or that of another version.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A parameter that is none.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// Something that one machine can train and several parties cannot.
    #[error("{0}")]
    Unfit(String),
}

impl Schema {
    /// Of rows.
    #[must_use]
    pub fn of(data: &Data) -> Self {
        Self {
            names: data.features.names().to_vec(),
            categories: data.features.kinds().iter().map(|kind| *kind == Kind::Category).collect(),
            weighted: !data.weights.is_empty(),
            numbered: !data.ids.is_empty(),
        }
    }

    /// What differs in another, in words.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let (own, others) = (self.names.len(), other.names.len());
        if own != others {
            return Some(format!("{others} features instead of {own}"));
        }
        if let Some(at) = (0..own).find(|at| self.names[*at] != other.names[*at]) {
            let number = at + 1;
            return Some(format!(
                "feature {number} is `{}` instead of `{}`",
                other.names[at], self.names[at]
            ));
        }
        if let Some(at) = (0..own).find(|at| self.categories.get(*at) != other.categories.get(*at)) {
            let word = |schema: &Self| if schema.categories[at] { "a category" } else { "a number" };
            return Some(format!("`{}` is {} instead of {}", self.names[at], word(other), word(self)));
        }
        let only = |own: bool, other: bool, what: &str| match (own, other) {
            (true, false) => Some(format!("no {what}, which others have")),
            (false, true) => Some(format!("{what}, which others have not")),
            _ => None,
        };
        only(self.weighted, other.weighted, "weights").or(only(self.numbered, other.numbered, "ids"))
    }

    /// Writes it.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut to = Writer::default();
        self.write_to(&mut to);
        to.0
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut from = Reader(bytes);
        let schema = Self::read_from(&mut from)?;
        from.end()?;
        Ok(schema)
    }

    fn write_to(&self, to: &mut Writer) {
        to.list(&self.names, |to, name| to.text(name));
        to.list(&self.categories, |to, category| to.flag(*category));
        to.flag(self.weighted);
        to.flag(self.numbered);
    }

    fn read_from(from: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let schema = Self {
            names: from.list(Reader::text)?,
            categories: from.list(Reader::flag)?,
            weighted: from.flag()?,
            numbered: from.flag()?,
        };
        let fits = schema.names.len() == schema.categories.len();
        if fits { Ok(schema) } else { Err(Unreadable("features have not one kind each")) }
    }
}

impl Plan {
    /// Writes it.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(VERSION);
        to.list(&self.params, |to, (name, value)| {
            to.text(name);
            to.text(value);
        });
        to.small(self.rounds);
        to.flag(self.patience.is_some());
        self.patience.iter().for_each(|rounds| to.small(*rounds));
        to.flag(self.masked);
        to.flag(self.valid);
        to.flag(self.score_training);
        to.list(&self.parties, |to, name| to.text(name));
        self.schema.write_to(&mut to);
        to.0
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is none, or that of another version.
    pub fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut from = Reader(bytes);
        if from.byte()? != VERSION {
            return Err(Unreadable("it is of another version of Welkin"));
        }
        let params = from.list(|from| Ok((from.text()?, from.text()?)))?;
        let rounds = from.small()?;
        let stops = from.flag()?;
        let plan = Self {
            params,
            rounds,
            patience: if stops { Some(from.small()?) } else { None },
            masked: from.flag()?,
            valid: from.flag()?,
            score_training: from.flag()?,
            parties: from.list(Reader::text)?,
            schema: Schema::read_from(&mut from)?,
        };
        from.end()?;
        Ok(plan)
    }

    /// The names of what the model is judged by.
    pub(crate) fn watched(&self) -> Vec<&'static str> {
        let named = [(self.score_training, "train"), (self.valid, "valid")];
        named.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect()
    }

    /// What it says, ready to be used.
    ///
    /// # Errors
    /// If it says nothing that parties can do together.
    pub fn open(&self) -> Result<Opened, PlanError> {
        let mut params = Params::default();
        self.params.iter().try_for_each(|(name, value)| params.set(name, value))?;
        let unfit = |what: String| Err(PlanError::Unfit(what));
        let loss = loss::by_params(&params).map_err(PlanError::Unfit)?;
        if loss.quantile(0).is_some() || loss.base_lists() == 0 {
            let name = loss.name();
            let why = "it needs all rows in one place";
            return unfit(format!("{name} cannot be trained by several parties: {why}"));
        }
        if params.drops() {
            let why = "the booster dart cannot be trained by several parties: none is asked for a round without some of the trees";
            return unfit(why.to_owned());
        }
        if params.subsample < 1.0 && !self.schema.numbered {
            let why = "subsample draws rows by their ids, and the parties' rows have none (--id)";
            return unfit(why.to_owned());
        }
        let metrics = metric::of(&params, &*loss).map_err(|error| PlanError::Unfit(error.to_string()))?;
        let watched = self.valid || self.score_training;
        if let Some(metric) = metrics.iter().find(|metric| watched && !metric.is_of_sums()) {
            let name = metric.name();
            return unfit(format!(
                "the metric `{name}` cannot be told from sums: it needs all rows in one place"
            ));
        }
        if self.patience.is_some() && (metrics.is_empty() || !watched) {
            return unfit("stopping early needs rows to judge the model by, and a metric".to_owned());
        }
        Ok(Opened { params, loss, metrics })
    }
}

/// A plan that can be carried out.
#[derive(Debug)]
pub struct Opened {
    pub(crate) params: Params,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) metrics: Vec<Box<dyn Metric>>,
}

impl Opened {
    /// How many threads were asked for.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.params.threads()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Plan {
            params: vec![pair("objective", "binary:logistic"), pair("max_depth", "3")],
            rounds: 9,
            patience: Some(2),
            masked: true,
            valid: true,
            score_training: false,
            parties: vec!["a".to_owned(), "b".to_owned()],
            schema: Schema {
                names: vec!["x".to_owned(), "y".to_owned()],
                categories: vec![false, true],
                weighted: false,
                numbered: false,
            },
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let bytes = plan().write();
        assert_eq!(Plan::read(&bytes).unwrap(), plan());
        for end in 0..bytes.len() {
            assert!(Plan::read(&bytes[..end]).is_err());
        }
        let other = Plan::read(&[&[VERSION + 1], &bytes[1..]].concat()).unwrap_err();
        assert!(other.to_string().contains("another version"), "{other}");
    }

    #[test]
    fn what_parties_cannot_do_together_is_refused() {
        let said = |name: &str, value: &str| {
            let mut plan = plan();
            plan.params.push((name.to_owned(), value.to_owned()));
            plan.open().unwrap_err().to_string()
        };
        assert!(plan().open().is_ok());
        assert!(said("objective", "reg:absoluteerror").contains("it needs all rows in one place"));
        assert!(said("objective", "survival:cox").contains("it needs all rows in one place"));
        assert!(said("objective", "rank:ndcg").contains("it needs all rows in one place"));
        assert!(said("subsample", "0.5").contains("ids"));
        assert!(said("eval_metric", "auc").contains("`auc` cannot be told from sums"));
        assert!(said("eta", "-1").contains("`eta` is -1"));
    }

    #[test]
    fn differences_are_told() {
        let own = plan().schema;
        let told = |change: &dyn Fn(&mut Schema)| {
            let mut other = own.clone();
            change(&mut other);
            own.difference(&other)
        };
        assert_eq!(told(&|_| ()), None);
        assert_eq!(told(&|s| drop(s.names.pop())).unwrap(), "1 features instead of 2");
        assert_eq!(told(&|s| s.names[1] = "z".to_owned()).unwrap(), "feature 2 is `z` instead of `y`");
        assert_eq!(told(&|s| s.categories[1] = false).unwrap(), "`y` is a number instead of a category");
        assert_eq!(told(&|s| s.weighted = true).unwrap(), "weights, which others have not");
    }
}
