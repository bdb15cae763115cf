//! Features, column by column.

/// Most features: a file that names a larger one is refused before memory is taken for those below it. 2^20 columns without
/// a value take 64 MiB.
pub(crate) const MOST_FEATURES: usize = 1 << 20;

/// Most rows: sums of 30-bit gradients of more would not fit 64 bits.
const MOST_ROWS: usize = 1 << 31;

/// The same, for whoever counts rows that are elsewhere.
pub(crate) fn most_rows() -> u64 {
    MOST_ROWS as u64
}

/// Values beyond this leave no room for a cut behind the last of them in single precision.
pub(crate) const LARGEST: f32 = 1e38;

/// How the values of a feature are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// They are ordered.
    #[default]
    Number,
    /// They are names, written as whole numbers from 0.
    Category,
}

/// The values of one feature. What is missing is NaN, or absent.
#[derive(Debug, Clone)]
pub enum Column {
    /// One value a row.
    Dense(Vec<f32>),
    /// Values of some rows, in the order of rows, which are those that are not missing.
    Sparse {
        /// The rows, each once, ascending.
        rows: Vec<u32>,
        /// Their values.
        values: Vec<f32>,
    },
}

/// Columns of the same number of rows, each with a name and a kind.
#[derive(Debug, Clone, Default)]
pub struct Features {
    names: Vec<String>,
    kinds: Vec<Kind>,
    columns: Vec<Column>,
    rows: usize,
}

/// Why columns make no features.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum FeaturesError {
    /// More columns than can be.
    #[error("there are {0} features; at most {MOST_FEATURES} can be used")]
    TooManyFeatures(usize),
    /// More rows than can be.
    #[error("there are {0} rows; at most {MOST_ROWS} can be used")]
    TooManyRows(usize),
    /// A column of another length, or with rows that are not there or not in order.
    #[error("column `{name}` does not have the {rows} rows of the others")]
    Rows {
        /// Whose.
        name: String,
        /// How many there should be.
        rows: usize,
    },
    /// A value that cannot be used.
    #[error("column `{name}`, row {row}: {value:e} is too large to be used (the limit is {LARGEST:e})")]
    TooLarge {
        /// The column.
        name: String,
        /// The row, counted from 0.
        row: usize,
        /// The value.
        value: f32,
    },
    /// A category that is no whole number in range.
    #[error("column `{name}`, row {row}: {value} is no category; those are whole numbers from 0 to {most}")]
    Category {
        /// The column.
        name: String,
        /// The row, counted from 0.
        row: usize,
        /// The value.
        value: f32,
        /// The largest.
        most: u32,
    },
}

/// The largest category: bins of one feature are numbered with 16 bits, of which one value means missing.
pub(crate) const LARGEST_CATEGORY: u32 = 65_533;

impl Features {
    /// Checks and takes columns of `rows` rows.
    ///
    /// # Errors
    /// If they have not that many, or values that cannot be used.
    pub fn new(rows: usize, columns: Vec<(String, Kind, Column)>) -> Result<Self, FeaturesError> {
        if columns.len() > MOST_FEATURES {
            return Err(FeaturesError::TooManyFeatures(columns.len()));
        }
        if rows > MOST_ROWS {
            return Err(FeaturesError::TooManyRows(rows));
        }
        let mut features = Self { rows, ..Self::default() };
        for (name, kind, column) in columns {
            check(rows, &name, kind, &column)?;
            features.names.push(name);
            features.kinds.push(kind);
            features.columns.push(column);
        }
        Ok(features)
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many features there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.columns.len()
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Their kinds.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Their values.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Writes the rows from `first` on into `block`, one row after the other, as many as it has room for; what is missing
    /// is NaN.
    pub(crate) fn copy_rows(&self, first: usize, block: &mut [f32]) {
        let width = self.count();
        for (feature, column) in self.columns.iter().enumerate() {
            let cells = block.iter_mut().skip(feature).step_by(width.max(1));
            match column {
                Column::Dense(values) => {
                    cells.zip(&values[first..]).for_each(|(cell, value)| *cell = *value);
                }
                Column::Sparse { rows, values } => {
                    cells.for_each(|cell| *cell = f32::NAN);
                    let from = rows.partition_point(|row| (*row as usize) < first);
                    for (row, value) in rows[from..].iter().zip(&values[from..]) {
                        let Some(cell) = block.get_mut((*row as usize - first) * width + feature) else {
                            break;
                        };
                        *cell = *value;
                    }
                }
            }
        }
    }
}

impl Column {
    /// The values of all rows, where each is written.
    pub(crate) fn dense(&self) -> Option<&[f32]> {
        match self {
            Self::Dense(values) => Some(values),
            Self::Sparse { .. } => None,
        }
    }

    /// The values that are not missing, with their rows.
    pub(crate) fn present(&self) -> Box<dyn Iterator<Item = (usize, f32)> + '_> {
        match self {
            Self::Dense(values) => Box::new(values.iter().copied().enumerate().filter(|(_, v)| !v.is_nan())),
            Self::Sparse { rows, values } => {
                Box::new(rows.iter().map(|row| *row as usize).zip(values.iter().copied()))
            }
        }
    }
}

/// A number in the precision that trees compare in.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
pub fn single(number: f64) -> f32 {
    number as f32
}

fn check(rows: usize, name: &str, kind: Kind, column: &Column) -> Result<(), FeaturesError> {
    let sound = match column {
        Column::Dense(values) => values.len() == rows,
        Column::Sparse { rows: places, values } => {
            places.len() == values.len()
                && places.is_sorted_by(|a, b| a < b)
                && places.last().is_none_or(|last| (*last as usize) < rows)
                && values.iter().all(|value| !value.is_nan())
        }
    };
    if !sound {
        return Err(FeaturesError::Rows { name: name.to_owned(), rows });
    }
    let bad = |(_, value): &(usize, f32)| match kind {
        Kind::Number => value.abs() > LARGEST,
        Kind::Category => category(*value).is_none(),
    };
    match column.present().find(bad) {
        None => Ok(()),
        Some((row, value)) if kind == Kind::Number => {
            Err(FeaturesError::TooLarge { name: name.to_owned(), row, value })
        }
        Some((row, value)) => {
            Err(FeaturesError::Category { name: name.to_owned(), row, value, most: LARGEST_CATEGORY })
        }
    }
}

/// The category that a value stands for.
pub(crate) fn category(value: f32) -> Option<u32> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "compared with what it came from"
    )]
    let category = value as u32;
    #[expect(clippy::cast_precision_loss, reason = "the largest category has 16 bits")]
    let same = category <= LARGEST_CATEGORY && category as f32 == value;
    same.then_some(category)
}
