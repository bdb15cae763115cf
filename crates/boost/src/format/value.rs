//! Values of both formats.

/// A value. Numbers that stand beside each other are kept as numbers, so that a hostile list of them takes little memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    List(Vec<Value>),
    Numbers(Numbers),
    /// In the order of names.
    Map(Vec<(String, Value)>),
}

/// Numbers of one type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Numbers {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U8(Vec<u8>),
    I32(Vec<i32>),
    I64(Vec<i64>),
}

impl Value {
    pub(crate) fn map<const N: usize>(mut entries: [(&str, Value); N]) -> Self {
        entries.sort_by_key(|(name, _)| *name);
        Self::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A map of texts, which is how XGBoost writes parameters.
    pub(crate) fn settings<const N: usize>(entries: [(&str, String); N]) -> Self {
        Self::map(entries.map(|(name, text)| (name, Self::Text(text))))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(known, _)| known == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a list, where they are not all numbers.
    pub(crate) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            Self::Numbers(numbers) if numbers.count() == 0 => Some(&[]),
            _ => None,
        }
    }

    /// The elements of a list, where they all are numbers.
    pub(crate) fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Numbers(numbers) => Some(numbers.all()),
            Self::List(list) if list.is_empty() => Some(Vec::new()),
            Self::List(list) => list.iter().map(Self::number).collect(),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "what is not exact is no index")]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Real(real) => Some(*real),
            Self::Bool(bool) => Some(f64::from(u8::from(*bool))),
            _ => None,
        }
    }
}

impl Numbers {
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::F32(numbers) => numbers.len(),
            Self::F64(numbers) => numbers.len(),
            Self::U8(numbers) => numbers.len(),
            Self::I32(numbers) => numbers.len(),
            Self::I64(numbers) => numbers.len(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "what is not exact is no index")]
    fn all(&self) -> Vec<f64> {
        match self {
            Self::F32(numbers) => numbers.iter().copied().map(f64::from).collect(),
            Self::F64(numbers) => numbers.clone(),
            Self::U8(numbers) => numbers.iter().copied().map(f64::from).collect(),
            Self::I32(numbers) => numbers.iter().copied().map(f64::from).collect(),
            Self::I64(numbers) => numbers.iter().map(|number| *number as f64).collect(),
        }
    }
}

/// A map in the order of its names, unless one of them stands twice.
pub(super) fn sorted(mut entries: Vec<(String, Value)>) -> Option<Value> {
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let twice = entries.windows(2).any(|pair| pair[0].0 == pair[1].0);
    (!twice).then_some(Value::Map(entries))
}
