//! Tables from files.

use super::read;
use crate::cli::TableArgs;
use crate::report::{Code, Fault};
use std::path::Path;
use welkin_boost::{CsvOptions, Data, read_csv};

/// What the arguments say of every table.
pub(super) fn options(args: &TableArgs) -> CsvOptions {
    CsvOptions {
        delimiter: args.delimiter,
        categories: args.categories.iter().cloned().collect(),
        ..CsvOptions::default()
    }
}

/// Reads one.
pub(super) fn open(path: &Path, options: &CsvOptions) -> anyhow::Result<Data> {
    read_csv(&read(path)?, options).map_err(|error| {
        let fault = Fault::new(Code::BoostData, format!("{} cannot be used", path.display()));
        let fault = match error.suggestion() {
            Some(name) => fault.hint(format!("did you mean the column `{name}`?")),
            None => fault,
        };
        anyhow::Error::new(error).context(fault)
    })
}
