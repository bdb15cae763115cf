//! Reading the crate's own CSV tables: comments with `#`, columns found by name.

use crate::lines::{lines, split};
use std::borrow::Cow;

/// A line of a table that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableProblem {
    /// Table.
    pub table: &'static str,
    /// Line, from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// One line of a table: the values of the columns asked for.
pub(crate) struct TableRow<'a, const N: usize> {
    values: [Cow<'a, str>; N],
    line: u32,
    table: &'static str,
}

impl<const N: usize> TableRow<'_, N> {
    /// Value of column `index` of those asked for, trimmed.
    pub(crate) fn get(&self, index: usize) -> &str {
        self.values[index].trim()
    }

    /// The values of a list separated by semicolons.
    pub(crate) fn list(&self, index: usize) -> impl Iterator<Item = &str> {
        self.get(index).split(';').map(str::trim).filter(|item| !item.is_empty())
    }

    /// A number; an empty field is 0.
    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        match self.get(index) {
            "" => Some(0.0),
            text => text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0),
        }
    }

    /// The problem that this line is.
    pub(crate) fn problem(&self, message: impl Into<String>) -> TableProblem {
        TableProblem { table: self.table, line: self.line, message: message.into() }
    }
}

/// Calls `each` with every line of `text`; `columns` names the columns it wants, in its own order.
pub(crate) fn read<const N: usize>(
    table: &'static str,
    text: &str,
    columns: [&str; N],
    problems: &mut Vec<TableProblem>,
    mut each: impl FnMut(&TableRow<'_, N>, &mut Vec<TableProblem>),
) {
    let mut fields = Vec::new();
    let mut header: Option<([usize; N], usize)> = None;
    for (line, bytes) in lines(text.as_bytes()).filter(|(_, line)| !line.starts_with(b"#")) {
        let mut tell = |message: String| problems.push(TableProblem { table, line, message });
        if let Err(malformed) = split(bytes, &mut fields) {
            tell(format!("{malformed:?}"));
            continue;
        }
        let Some((at, width)) = header else {
            let mut at = [0; N];
            for (slot, column) in at.iter_mut().zip(columns) {
                match fields.iter().position(|field| field.trim() == column) {
                    Some(index) => *slot = index,
                    None => {
                        tell(format!("column `{column}` is missing"));
                        return;
                    }
                }
            }
            header = Some((at, fields.len()));
            continue;
        };
        if fields.len() != width {
            tell(format!("{} fields, expected {width}", fields.len()));
            continue;
        }
        let row = TableRow { values: at.map(|index| fields[index].clone()), line, table };
        each(&row, problems);
    }
}
