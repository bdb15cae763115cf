//! Reading tables that others wrote: columns by their header's names, every bad line set aside.

use super::import::Quarantined;

/// Longest line that is looked at. A row of a grid has under 200 bytes.
const LONGEST: usize = 4096;
/// Most lines that are looked at: 1,000 sites, each to each.
const MOST: usize = 1_000_000;

/// A table of comma-separated fields without quotes, as grids are written.
pub(super) struct Lines<'t> {
    header: Vec<&'t str>,
    body: Vec<(usize, &'t str)>,
}

impl<'t> Lines<'t> {
    /// Splits a text at its header; comments and blank lines are left out.
    ///
    /// # Errors
    /// In words, when there is no header.
    pub(super) fn new(text: &'t str) -> Result<Self, String> {
        let mut lines = text
            .trim_start_matches('\u{feff}')
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (_, header) = lines.next().ok_or("the file is empty")?;
        let body: Vec<_> = lines.take(MOST + 1).collect();
        if body.len() > MOST {
            return Err(format!("more than {MOST} lines"));
        }
        Ok(Self { header: header.split(',').map(str::trim).collect(), body })
    }

    /// Whether the header has all these columns.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.header.contains(name))
    }

    /// Reads each line's named fields; a field whose column is absent is empty. What `read` refuses is set
    /// aside with its line.
    pub(super) fn each<const N: usize>(
        &self,
        names: [&str; N],
        quarantined: &mut Vec<Quarantined>,
        mut read: impl FnMut([&'t str; N]) -> Result<(), String>,
    ) {
        let columns = names.map(|name| self.header.iter().position(|known| *known == name));
        for (line, content) in &self.body {
            let result = if content.len() > LONGEST {
                Err(format!("longer than {LONGEST} bytes"))
            } else {
                let fields: Vec<&str> = content.split(',').map(str::trim).collect();
                if fields.len() == self.header.len() {
                    read(columns.map(|column| column.map_or("", |at| fields[at])))
                } else {
                    Err(format!("{} fields, expected {}", fields.len(), self.header.len()))
                }
            };
            if let Err(reason) = result {
                quarantined.push(Quarantined { line: *line, reason });
            }
        }
    }
}

/// A number within bounds.
pub(super) fn number(text: &str, what: &str, least: f64, most: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{what} `{}` is not a number", text.escape_debug()))?;
    // NaN lies in no range.
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{what} {value} is not within {least} to {most}"))
    }
}
