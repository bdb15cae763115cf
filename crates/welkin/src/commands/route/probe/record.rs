//! The grid that takes what was measured.

use super::Row;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use welkin_route::{Grid, Measured};
use welkin_units::BitsPerSecond;

/// The grid of the file; empty when there is none. One with lines that would be lost is refused.
pub(super) fn read(path: &Path) -> anyhow::Result<Grid> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Grid::default()),
        Err(error) => return Err(error).with_context(|| failed("read", path)),
    };
    let wrong = |why: String| Fault::new(Code::Grid, format!("{}: {why}", path.display()));
    let (grid, quarantined) = Grid::parse(&text).map_err(wrong)?;
    match quarantined.first() {
        None => Ok(grid),
        Some(bad) => {
            let fault = wrong(format!("line {} would be lost: {}", bad.line, bad.reason));
            Err(fault.hint("put the line right or remove it, or name another file").into())
        }
    }
}

/// Writes the grid with what was measured. The file is the old one or the new one, whatever happens.
pub(super) fn merge(path: &Path, mut grid: Grid, rows: &[Row]) -> anyhow::Result<()> {
    let taken_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut measured = Grid::default();
    for row in rows {
        let Some(names) = row.names.clone() else { continue };
        let rate = BitsPerSecond::new(row.bits_per_s);
        measured.pairs.insert(
            names,
            Measured {
                rate,
                one_connection: (row.connections == 1).then_some(rate),
                rtt_ms: Some(row.rtt_ms),
                connections: u32::try_from(row.connections).unwrap_or(u32::MAX),
                taken_at: taken_at.clone(),
            },
        );
    }
    grid.merge(measured);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder).with_context(|| failed("write", path))?;
    beside.write_all(grid.print().as_bytes()).with_context(|| failed("write", path))?;
    beside.persist(path).with_context(|| failed("write", path))?;
    Ok(())
}

fn failed(verb: &str, path: &Path) -> Fault {
    Fault::new(Code::File, format!("cannot {verb} {}", path.display()))
}
