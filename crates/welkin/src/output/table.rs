//! Tables: columns as wide as their widest cell, counted in terminal cells.

use super::spelt::shown;
use super::style::Style;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// On which side a column's cells are aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
    /// Indices of rows that stand out, such as totals.
    strong: Vec<usize>,
}

/// Space between columns.
const GAP: &str = "  ";

impl Table {
    pub(crate) fn new(heads: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self { heads: heads.into_iter().collect(), rows: Vec::new(), strong: Vec::new() }
    }

    /// Adds a row with one cell a column; missing cells are empty. Names in it may be of others: nothing of them is obeyed.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| shown(&cell).into_owned()).collect());
    }

    /// Adds a row that stands out.
    pub(crate) fn strong_row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.strong.push(self.rows.len());
        self.row(cells);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the table. A column in which no row has anything is left out.
    pub(crate) fn write(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let columns: Vec<(usize, usize, Align)> = self
            .heads
            .iter()
            .enumerate()
            .filter_map(|(column, (head, align))| {
                let widest = self.rows.iter().map(|row| cell(row, column).width()).max().unwrap_or(0);
                (widest > 0).then_some((column, widest.max(head.width()), *align))
            })
            .collect();
        let heads: Vec<String> = self.heads.iter().map(|(head, _)| (*head).to_owned()).collect();
        writeln!(out, "{}", style.dim(&line(&columns, |column| heads[column].clone())))?;
        for (index, row) in self.rows.iter().enumerate() {
            let text = line(&columns, |column| cell(row, column));
            writeln!(out, "{}", if self.strong.contains(&index) { style.bold(&text) } else { text })?;
        }
        Ok(())
    }
}

fn line(columns: &[(usize, usize, Align)], cell: impl Fn(usize) -> String) -> String {
    let cells: Vec<String> = columns
        .iter()
        .map(|(column, width, align)| {
            let text = cell(*column);
            let pad = " ".repeat(width.saturating_sub(text.width()));
            match align {
                Align::Left => format!("{text}{pad}"),
                Align::Right => format!("{pad}{text}"),
            }
        })
        .collect();
    cells.join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_cells_and_empty_ones_vanish() {
        let mut table = Table::new([("NAME", Align::Left), ("NONE", Align::Left), ("PRICE", Align::Right)]);
        table.row(["日本".to_owned(), String::new(), "$1.00".to_owned()]);
        table.row(["a".to_owned(), String::new(), "$12.00".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out, Style::PLAIN).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "NAME   PRICE\n日本   $1.00\na     $12.00\n");
    }

    #[test]
    fn a_cell_is_shown_and_not_obeyed() {
        let mut table = Table::new([("CLUSTER", Align::Left), ("STATE", Align::Left)]);
        table.row(["a\x1b[2J\nb".to_owned(), "up".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out, Style::PLAIN).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "CLUSTER      STATE\na\\x1b[2J\\nb  up\n");
    }
}
