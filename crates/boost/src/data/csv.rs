//! Rows out of CSV.
//!
//! The first line names the columns. A cell is a number, or missing: empty, or `NA`, `NaN`, `null` or `none` in any case.
//! A number is read in double precision, as tables of numbers keep it, and then rounded to the single precision that trees
//! compare in: the same table in Parquet has the same values, to the last bit.

use super::{Column, Data, Features, FeaturesError, Kind, single};
use std::collections::BTreeSet;

/// Which columns are what.
#[derive(Debug, Clone)]
pub struct CsvOptions {
    /// What stands between cells.
    pub delimiter: u8,
    /// The column of labels, where there is one.
    pub label: Option<String>,
    /// The column that says how much a row counts.
    pub weight: Option<String>,
    /// The column that says which rows are ranked against each other.
    pub group: Option<String>,
    /// The column whose numbers stay with rows.
    pub id: Option<String>,
    /// Columns that are categories.
    pub categories: BTreeSet<String>,
    /// Columns that are left out.
    pub ignored: BTreeSet<String>,
    /// The only columns that become features, in this order; all others do where this is absent.
    pub features: Option<Vec<String>>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            label: None,
            weight: None,
            group: None,
            id: None,
            categories: BTreeSet::new(),
            ignored: BTreeSet::new(),
            features: None,
        }
    }
}

/// Why a file is no table of numbers.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// There is no line at all.
    #[error("the file is empty; its first line should name the columns")]
    Empty,
    /// A line that is none, by its number of cells or its bytes.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// Two columns of one name.
    #[error("columns {first} and {second} are both called `{name}`")]
    Twice {
        /// Their name.
        name: String,
        /// The first, counted from 1.
        first: usize,
        /// The second.
        second: usize,
    },
    /// A column that was named is not there.
    #[error("there is no column `{name}`; the file has {}", listed(.columns))]
    NoColumn {
        /// What was asked for.
        name: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// One column is asked to be two things.
    #[error("column `{0}` cannot be a feature as well as a label, weight, group or id")]
    TwoRoles(String),
    /// A cell that cannot be read.
    #[error("line {line}, column {column} (`{name}`): {what}")]
    Cell {
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: usize,
        /// The column's name.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// The columns together make no features.
    #[error(transparent)]
    Features(#[from] FeaturesError),
}

impl CsvError {
    /// The name that is closest to the one that was asked for and is not there.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        let Self::NoColumn { name, columns } = self else { return None };
        crate::near::nearest(name, columns.iter().map(String::as_str))
    }
}

/// Column names for a message: the first few of them.
fn listed(columns: &[String]) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = columns.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let rest = columns.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    names.join(", ") + &more
}

/// Reads a table.
///
/// # Errors
/// If it is none, or lacks a column that `options` name, or a cell is not what its column needs; with its place.
pub fn read_csv(bytes: &[u8], options: &CsvOptions) -> Result<Data, CsvError> {
    // What editors on Windows put before the first name.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ::csv::ReaderBuilder::new().delimiter(options.delimiter).from_reader(bytes);
    let names = header(&mut reader)?;
    let plan = Plan::new(&names, options)?;
    let mut table = Table { columns: vec![Vec::new(); plan.features.len()], ..Table::default() };
    let mut record = ::csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(line_error)? {
        table.row(&record, &names, &plan)?;
    }
    table.finish(&names, plan, options)
}

fn header(reader: &mut ::csv::Reader<&[u8]>) -> Result<Vec<String>, CsvError> {
    let names: Vec<String> =
        reader.headers().map_err(line_error)?.iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().all(String::is_empty) {
        return Err(CsvError::Empty);
    }
    let mut seen = std::collections::BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = seen.insert(name, index) {
            return Err(CsvError::Twice { name: name.clone(), first: first + 1, second: index + 1 });
        }
    }
    Ok(names)
}

fn line_error(error: ::csv::Error) -> CsvError {
    let line = error.position().map_or(1, ::csv::Position::line);
    let what = match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells, where the first line names {expected_len} columns")
        }
        ::csv::ErrorKind::Utf8 { .. } => "the names of columns are not UTF-8".to_owned(),
        _ => error.to_string(),
    };
    CsvError::Line { line, what }
}

/// Which columns are read, by their places.
struct Plan {
    features: Vec<usize>,
    label: Option<usize>,
    weight: Option<usize>,
    group: Option<usize>,
    id: Option<usize>,
}

impl Plan {
    fn new(names: &[String], options: &CsvOptions) -> Result<Self, CsvError> {
        let place = |name: &String| {
            let missing = || CsvError::NoColumn { name: name.clone(), columns: names.to_vec() };
            names.iter().position(|known| known == name).ok_or_else(missing)
        };
        let role = |name: &Option<String>| name.as_ref().map(place).transpose();
        let mut plan = Self {
            features: Vec::new(),
            label: role(&options.label)?,
            weight: role(&options.weight)?,
            group: role(&options.group)?,
            id: role(&options.id)?,
        };
        for name in options.categories.iter().chain(&options.ignored) {
            place(name)?;
        }
        let roles = [plan.label, plan.weight, plan.group, plan.id];
        if let Some(wanted) = &options.features {
            plan.features = wanted.iter().map(place).collect::<Result<_, _>>()?;
        } else {
            let free =
                |place: &usize| !roles.contains(&Some(*place)) && !options.ignored.contains(&names[*place]);
            plan.features = (0..names.len()).filter(free).collect();
        }
        match plan.features.iter().find(|place| roles.contains(&Some(**place))) {
            Some(place) => Err(CsvError::TwoRoles(names[*place].clone())),
            None => Ok(plan),
        }
    }
}

#[derive(Default)]
struct Table {
    columns: Vec<Vec<f32>>,
    labels: Vec<f32>,
    weights: Vec<f32>,
    groups: Vec<u64>,
    ids: Vec<u64>,
    rows: usize,
}

impl Table {
    fn row(&mut self, record: &::csv::ByteRecord, names: &[String], plan: &Plan) -> Result<(), CsvError> {
        let bad = |place: usize, what: String| CsvError::Cell {
            line: record.position().map_or(0, ::csv::Position::line),
            column: place + 1,
            name: names[place].clone(),
            what,
        };
        let cell = |place: usize| record.get(place).unwrap_or_default();
        for (column, place) in self.columns.iter_mut().zip(&plan.features) {
            column.push(number(cell(*place)).map_err(|what| bad(*place, what))?);
        }
        let known = |place: usize| known_number(cell(place)).map_err(|what| bad(place, what));
        let whole = |place: usize| whole(cell(place)).map_err(|what| bad(place, what));
        self.labels.extend(plan.label.map(known).transpose()?);
        let weight = plan.weight.map(known).transpose()?;
        if let (Some(weight), Some(place)) = (weight, plan.weight)
            && weight < 0.0
        {
            return Err(bad(place, format!("a weight cannot be negative: {weight}")));
        }
        self.weights.extend(weight);
        self.groups.extend(plan.group.map(whole).transpose()?);
        self.ids.extend(plan.id.map(whole).transpose()?);
        self.rows += 1;
        Ok(())
    }

    fn finish(self, names: &[String], plan: Plan, options: &CsvOptions) -> Result<Data, CsvError> {
        let named = plan.features.into_iter().zip(self.columns).map(|(place, values)| {
            let name = names[place].clone();
            let kind = if options.categories.contains(&name) { Kind::Category } else { Kind::Number };
            (name, kind, Column::Dense(values))
        });
        let features = Features::new(self.rows, named.collect())?;
        let Self { labels, weights, groups, ids, .. } = self;
        Ok(Data { features, labels, weights, groups, ids })
    }
}

const MISSING: [&[u8]; 6] = [b"na", b"n/a", b"nan", b"null", b"none", b"?"];

/// The number that a cell of text stands for, NaN for one that is missing, nothing where it is neither.
#[must_use]
pub fn cell(text: &str) -> Option<f32> {
    number(text.as_bytes()).ok()
}

/// A number, or NaN for one that is missing.
pub(super) fn number(cell: &[u8]) -> Result<f32, String> {
    let cell = cell.trim_ascii();
    if let Some(value) = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok()) {
        let value = single(value);
        return if value.is_infinite() { Err(format!("`{}` is too large", shown(cell))) } else { Ok(value) };
    }
    if cell.is_empty() || MISSING.iter().any(|word| word.eq_ignore_ascii_case(cell)) {
        return Ok(f32::NAN);
    }
    Err(format!("`{}` is not a number", shown(cell)))
}

pub(super) fn known_number(cell: &[u8]) -> Result<f32, String> {
    let value = number(cell)?;
    if value.is_nan() { Err("there is no number, and one is needed here".to_owned()) } else { Ok(value) }
}

pub(super) fn whole(cell: &[u8]) -> Result<u64, String> {
    let cell = cell.trim_ascii();
    let value = std::str::from_utf8(cell).ok().and_then(|text| text.parse().ok());
    value.ok_or_else(|| format!("`{}` is not a whole number from 0", shown(cell)))
}

/// A cell for a message: its beginning.
pub(super) fn shown(cell: &[u8]) -> String {
    const SHOWN: usize = 40;
    let text = String::from_utf8_lossy(cell);
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
