//! Rows out of libsvm's text.
//!
//! A row is a line: its label, behind a colon how much it counts where some do, `qid:N` for its group where rows have such,
//! then `INDEX:VALUE` for each value that is there, indices from 0. What is not there is missing, as XGBoost has it. `#`
//! begins a comment.

use super::csv::{known_number, number, shown, whole};
use super::{Column, Data, Features, FeaturesError, Kind};
use crate::data::features::MOST_FEATURES;
use std::collections::BTreeSet;

/// What the file does not say itself.
#[derive(Debug, Clone, Default)]
pub struct LibsvmOptions {
    /// How many features there are, where that is known: a file may lack the last of them.
    pub features: Option<usize>,
    /// Features that are categories, by their names.
    pub categories: BTreeSet<String>,
}

/// Why a file is not libsvm's.
#[derive(Debug, thiserror::Error)]
pub enum LibsvmError {
    /// A line that is none.
    #[error("line {line}: {what}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A category that is no feature.
    #[error("there is no feature `{name}`; the file has f0 to f{}", .count.saturating_sub(1))]
    NoFeature {
        /// What was asked for.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// The columns together make no features.
    #[error(transparent)]
    Features(#[from] FeaturesError),
}

/// Reads rows. Features are called `f0`, `f1` and so on.
///
/// # Errors
/// If a line is none; with its number.
pub fn read_libsvm(bytes: &[u8], options: &LibsvmOptions) -> Result<Data, LibsvmError> {
    let mut table = Table { most: options.features, ..Table::default() };
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        let end = line.iter().position(|byte| *byte == b'#').unwrap_or(line.len());
        let line = line[..end].trim_ascii();
        if !line.is_empty() {
            table.row(line).map_err(|what| LibsvmError::Line { line: number, what })?;
        }
    }
    table.finish(options)
}

#[derive(Default)]
struct Table {
    most: Option<usize>,
    /// Of each feature, the rows that have it, and its values.
    columns: Vec<(Vec<u32>, Vec<f32>)>,
    labels: Vec<f32>,
    weights: Vec<f32>,
    groups: Vec<u64>,
}

impl Table {
    fn row(&mut self, line: &[u8]) -> Result<(), String> {
        let row = u32::try_from(self.labels.len()).map_err(|_| "there are too many rows".to_owned())?;
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        self.label(words.next().unwrap_or_default(), row)?;
        let mut grouped = false;
        for word in words {
            let (index, value) = pair(word)?;
            if index == b"qid" {
                if std::mem::replace(&mut grouped, true) {
                    return Err("it has two groups".to_owned());
                }
                self.groups.push(whole(value)?);
            } else {
                self.value(index, number(value)?, row)?;
            }
        }
        if self.groups.len() != if self.groups.is_empty() { 0 } else { row as usize + 1 } {
            return Err("all rows have a group (qid), or none has".to_owned());
        }
        Ok(())
    }

    fn label(&mut self, word: &[u8], row: u32) -> Result<(), String> {
        let (label, weight) = match word.iter().position(|byte| *byte == b':') {
            Some(colon) => (&word[..colon], Some(known_number(&word[colon + 1..])?)),
            None => (word, None),
        };
        self.labels.push(known_number(label)?);
        if let Some(weight) = weight.filter(|weight| *weight < 0.0) {
            return Err(format!("a weight cannot be negative: {weight}"));
        }
        self.weights.extend(weight);
        if self.weights.len() == if self.weights.is_empty() { 0 } else { row as usize + 1 } {
            Ok(())
        } else {
            Err("all rows have a weight, or none has".to_owned())
        }
    }

    fn value(&mut self, index: &[u8], value: f32, row: u32) -> Result<(), String> {
        let feature = usize::try_from(whole(index)?).unwrap_or(usize::MAX);
        if let Some(most) = self.most.filter(|most| feature >= *most) {
            return Err(format!("it has feature {feature}, and there are {most} from 0"));
        }
        // Before memory is taken for those below it.
        if feature >= MOST_FEATURES {
            return Err(format!("it has feature {feature}; at most {MOST_FEATURES} can be used"));
        }
        if self.columns.len() <= feature {
            self.columns.resize_with(feature + 1, Default::default);
        }
        let (rows, values) = &mut self.columns[feature];
        if rows.last() == Some(&row) {
            return Err(format!("it has feature {feature} twice"));
        }
        if !value.is_nan() {
            rows.push(row);
            values.push(value);
        }
        Ok(())
    }

    fn finish(mut self, options: &LibsvmOptions) -> Result<Data, LibsvmError> {
        let count = self.most.unwrap_or(self.columns.len());
        self.columns.resize_with(count, Default::default);
        let name = |feature: usize| format!("f{feature}");
        let names: BTreeSet<String> = (0..count).map(name).collect();
        if let Some(unknown) = options.categories.iter().find(|category| !names.contains(*category)) {
            return Err(LibsvmError::NoFeature { name: unknown.clone(), count });
        }
        let column = |(feature, (rows, values))| {
            let name = name(feature);
            let kind = if options.categories.contains(&name) { Kind::Category } else { Kind::Number };
            (name, kind, Column::Sparse { rows, values })
        };
        let columns = self.columns.into_iter().enumerate().map(column).collect();
        let features = Features::new(self.labels.len(), columns)?;
        let Self { labels, weights, groups, .. } = self;
        Ok(Data { features, labels, weights, groups, ids: Vec::new() })
    }
}

fn pair(word: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let colon = word.iter().position(|byte| *byte == b':');
    let colon = colon.ok_or_else(|| format!("`{}` is not INDEX:VALUE", shown(word)))?;
    Ok((&word[..colon], &word[colon + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        read_libsvm(text.as_bytes(), &LibsvmOptions::default()).unwrap_err().to_string()
    }

    #[test]
    fn lines_are_rows_and_what_is_not_there_is_missing() {
        let text = "# nothing\n1:0.5 qid:3 2:1.5 0:-2\n\n0:2 qid:3 1:nan # the end\r\n-1.5:1 qid:4";
        let data = read_libsvm(text.as_bytes(), &LibsvmOptions::default()).unwrap();
        assert_eq!(data.labels, [1.0, 0.0, -1.5]);
        assert_eq!(data.weights, [0.5, 2.0, 1.0]);
        assert_eq!(data.groups, [3, 3, 4]);
        assert_eq!(data.features.names(), ["f0", "f1", "f2"]);
        let column = |at: usize| match &data.features.columns()[at] {
            Column::Sparse { rows, values } => (rows.clone(), values.clone()),
            Column::Dense(_) => panic!(),
        };
        assert_eq!(column(0), (vec![0], vec![-2.0]));
        assert_eq!(column(1), (vec![], vec![]));
        assert_eq!(column(2), (vec![0], vec![1.5]));
        let more = LibsvmOptions { features: Some(5), categories: ["f4".to_owned()].into() };
        let wide = read_libsvm(b"1 0:1", &more).unwrap();
        assert_eq!((wide.features.count(), wide.features.kinds()[4]), (5, Kind::Category));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        assert_eq!(said("1 0:1\nx 0:1"), "line 2: `x` is not a number");
        assert_eq!(said("1 0"), "line 1: `0` is not INDEX:VALUE");
        assert_eq!(said("1 -1:3"), "line 1: `-1` is not a whole number from 0");
        assert_eq!(said("1 0:1 0:2"), "line 1: it has feature 0 twice");
        assert_eq!(said("1 4294967296:1"), "line 1: it has feature 4294967296; at most 1048576 can be used");
        assert_eq!(said("1 qid:1 0:1\n1 0:1"), "line 2: all rows have a group (qid), or none has");
        assert_eq!(said("1 0:1\n1 qid:2"), "line 2: all rows have a group (qid), or none has");
        assert_eq!(said("1:1 0:1\n1 0:1"), "line 2: all rows have a weight, or none has");
        assert_eq!(said("1:-1 0:1"), "line 1: a weight cannot be negative: -1");
        assert_eq!(said("nan 0:1"), "line 1: there is no number, and one is needed here");
        assert!(said("1 0:1e39").contains("too large"));
        let known = LibsvmOptions { features: Some(2), ..LibsvmOptions::default() };
        let error = read_libsvm(b"1 2:1", &known).unwrap_err().to_string();
        assert_eq!(error, "line 1: it has feature 2, and there are 2 from 0");
        let known = LibsvmOptions { categories: ["f9".to_owned()].into(), ..LibsvmOptions::default() };
        let error = read_libsvm(b"1 0:1", &known).unwrap_err().to_string();
        assert_eq!(error, "there is no feature `f9`; the file has f0 to f0");
    }
}
