//! Values of parameters.

use super::ParamError;
use crate::format::{self, Value};
use crate::loss;
use crate::near::nearest;
use std::str::FromStr;

/// Whether a model must rise or fall with features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directions {
    /// By place.
    Places(Vec<i8>),
    /// By name.
    Names(Vec<(String, i8)>),
}

impl Default for Directions {
    fn default() -> Self {
        Self::Places(Vec::new())
    }
}

/// Each quantile has a tree in each round.
const MOST_PARTS: usize = 1000;

/// A value that is to become something.
pub(super) struct Parse<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

/// Any value that its own type can read.
pub(super) fn parse<T: FromStr>(value: &Parse<'_>, needs: &str) -> Result<T, ParamError> {
    value.value.trim().parse().map_err(|_| value.wrong(needs))
}

impl Parse<'_> {
    fn wrong(&self, needs: impl Into<String>) -> ParamError {
        ParamError::Value { name: self.name.to_owned(), value: self.value.to_owned(), needs: needs.into() }
    }

    pub(super) fn single(&self, from: f64, to: f64) -> Result<f32, ParamError> {
        let needs = if to < f64::from(f32::MAX) {
            format!("a number from {from} to {to}")
        } else {
            format!("a number from {from}")
        };
        let number: f64 = parse(self, &needs)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "parameters have single precision, as XGBoost's do"
        )]
        if (from..=to).contains(&number) { Ok(number as f32) } else { Err(self.wrong(needs)) }
    }

    /// One number, or a list of them.
    pub(super) fn singles(&self, from: f64, to: f64) -> Result<Vec<f32>, ParamError> {
        let text = self.value.trim();
        let Some(list) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
            return Ok(vec![self.single(from, to)?]);
        };
        let parts: Vec<&str> = list.split(',').collect();
        if parts.len() > MOST_PARTS {
            return Err(self.wrong(format!("a list of at most {MOST_PARTS} numbers")));
        }
        let numbers = parts.into_iter().map(|value| Parse { name: self.name, value }.single(from, to));
        numbers.collect::<Result<_, _>>().map_err(|_| self.wrong("a number, or a list of them"))
    }

    pub(super) fn share(&self) -> Result<f64, ParamError> {
        let needs = "a number above 0, at most 1";
        let number: f64 = parse(self, needs)?;
        if number > 0.0 && number <= 1.0 { Ok(number) } else { Err(self.wrong(needs)) }
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&self) -> Result<f64, ParamError> {
        let needs = "a number from 0 to 1";
        let number: f64 = parse(self, needs)?;
        if (0.0..=1.0).contains(&number) { Ok(number) } else { Err(self.wrong(needs)) }
    }

    /// One number between 0 and 1, or a list of them.
    pub(super) fn parts(&self) -> Result<Vec<f32>, ParamError> {
        let text = self.value.trim();
        let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let parts: Vec<&str> = list.split(',').collect();
        if parts.len() > MOST_PARTS {
            return Err(self.wrong(format!("a list of at most {MOST_PARTS} numbers")));
        }
        let part = |value| Parse { name: self.name, value }.single(1e-6, 1.0 - 1e-6);
        let parts: Result<Vec<f32>, ParamError> = parts.into_iter().map(part).collect();
        parts.map_err(|_| self.wrong("a number above 0 and below 1, or a list of them"))
    }

    pub(super) fn whole(&self, from: f64, to: f64) -> Result<usize, ParamError> {
        let needs = format!("a whole number from {from} to {to}");
        let number: f64 = parse(self, &needs)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between small bounds, and whole"
        )]
        if (from..=to).contains(&number) && number.fract() == 0.0 {
            Ok(number as usize)
        } else {
            Err(self.wrong(needs))
        }
    }

    pub(super) fn flag(&self) -> Result<bool, ParamError> {
        match self.value.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    pub(super) fn one_of(&self, all: &[&str]) -> Result<String, ParamError> {
        let quoted: Vec<String> = all.iter().map(|one| format!("`{one}`")).collect();
        if all.contains(&self.value) {
            Ok(self.value.to_owned())
        } else {
            Err(self.wrong(quoted.join(" or ")))
        }
    }

    pub(super) fn objective(&self) -> Result<String, ParamError> {
        if loss::NAMES.contains(&self.value) {
            return Ok(self.value.to_owned());
        }
        let near = nearest(self.value, loss::NAMES.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(self.wrong(format!("one of {}{near}", loss::NAMES.join(", "))))
    }

    /// One name, or a list of them.
    pub(super) fn words(&self) -> Vec<String> {
        match format::read(self.value.as_bytes()) {
            Ok(Value::List(list)) => list.iter().filter_map(|word| word.text().map(str::to_owned)).collect(),
            _ => self.value.split(',').map(|word| word.trim().to_owned()).collect(),
        }
    }

    /// `(1,0,-1)`, `[1,0,-1]` or `{"age": 1}`.
    pub(super) fn directions(&self) -> Result<Directions, ParamError> {
        let wrong =
            || self.wrong("a list of 1, 0 and -1, one for each feature, or an object of names and these");
        let text = self.value.trim();
        let inner =
            text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).map(|list| format!("[{list}]"));
        let value = format::read(inner.as_deref().unwrap_or(text).as_bytes()).map_err(|_| wrong())?;
        let direction = |number: f64| [-1_i8, 0, 1].into_iter().find(|known| f64::from(*known) == number);
        if let Value::Map(entries) = &value {
            let named = entries.iter().map(|(name, value)| Some((name.clone(), direction(value.number()?)?)));
            return named.collect::<Option<_>>().map(Directions::Names).ok_or_else(wrong);
        }
        let numbers = value.numbers().ok_or_else(wrong)?;
        numbers.into_iter().map(direction).collect::<Option<_>>().map(Directions::Places).ok_or_else(wrong)
    }

    /// Lists of features, by name or number.
    pub(super) fn sets(&self) -> Result<Vec<Vec<String>>, ParamError> {
        let wrong = || self.wrong("a list of lists of features, such as [[\"a\", \"b\"], [\"c\", \"d\"]]");
        let value = format::read(self.value.trim().as_bytes()).map_err(|_| wrong())?;
        let set = |set: &Value| -> Option<Vec<String>> {
            match set.numbers() {
                Some(numbers) => Some(numbers.iter().map(f64::to_string).collect()),
                None => set.list()?.iter().map(|name| name.text().map(str::to_owned)).collect(),
            }
        };
        value.list().and_then(|list| list.iter().map(set).collect()).ok_or_else(wrong)
    }
}

/// A JSON value as it would stand on a command line.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Real(real) => format!("{real:?}"),
        other => String::from_utf8_lossy(&format::write(other, format::Format::Json)).into_owned(),
    }
}
