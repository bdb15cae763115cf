//! Reading the small tables this crate carries.

use thiserror::Error;

/// A table that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{table}, line {line}: {message}")]
pub struct TableError {
    /// Which table.
    pub table: &'static str,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// The rows of a table as exactly `N` fields with their line numbers: comments, blank lines and the
/// header left out.
pub(crate) fn rows<const N: usize>(
    table: &'static str,
    text: &str,
) -> Result<Vec<(usize, [String; N])>, TableError> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .skip(1)
        .map(|(line, content)| {
            let fields: Vec<String> = content.split(',').map(|field| field.trim().to_owned()).collect();
            let found = fields.len();
            fields.try_into().map(|fields| (line, fields)).map_err(|_| TableError {
                table,
                line,
                message: format!("{found} fields, expected {N}"),
            })
        })
        .collect()
}
