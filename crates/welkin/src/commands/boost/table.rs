//! Tables from files.

use super::read;
use crate::cli::{TableArgs, TableForm};
use crate::commands::seal::enclave::spell;
use crate::report::{Code, Fault};
use std::path::Path;
use welkin_boost::{CsvOptions, Data, LibsvmOptions, read_csv, read_libsvm};

/// How tables are read.
#[derive(Debug, Clone)]
pub(super) enum Reading {
    Csv(Box<CsvOptions>),
    Libsvm(LibsvmOptions),
}

impl Reading {
    /// As the arguments say, with `more` of the columns of a CSV file.
    pub(super) fn of(args: &TableArgs, more: impl FnOnce(&mut CsvOptions)) -> Self {
        let categories = args.categories.iter().cloned().collect();
        if args.libsvm {
            return Self::Libsvm(LibsvmOptions { features: None, categories });
        }
        let mut options = CsvOptions { delimiter: args.delimiter, categories, ..CsvOptions::default() };
        more(&mut options);
        Self::Csv(Box::new(options))
    }

    /// The same for other rows with the features of some in their order.
    pub(super) fn like(&self, data: &Data) -> Self {
        match self {
            Self::Csv(options) => {
                let features = Some(data.features.names().to_vec());
                let options = (**options).clone();
                Self::Csv(Box::new(CsvOptions { features, id: None, ignored: Default::default(), ..options }))
            }
            Self::Libsvm(options) => {
                Self::Libsvm(LibsvmOptions { features: Some(data.features.count()), ..options.clone() })
            }
        }
    }

    /// Reads a table.
    pub(super) fn open(&self, path: &Path) -> anyhow::Result<Data> {
        match self {
            Self::Csv(options) => open(path, options),
            Self::Libsvm(options) => read_libsvm(&read(path)?, options)
                .map_err(|error| anyhow::Error::new(error).context(fault(path))),
        }
    }
}

/// Reads a CSV file, or a Parquet file as the CSV file that it could be.
pub(super) fn open(path: &Path, options: &CsvOptions) -> anyhow::Result<Data> {
    let parquet = TableForm::of(path) == Some(TableForm::Parquet);
    let (bytes, delimiter) = if parquet { (spell(path)?, b',') } else { (read(path)?, options.delimiter) };
    read_csv(&bytes, &CsvOptions { delimiter, ..options.clone() }).map_err(|error| {
        let fault = match error.suggestion() {
            Some(name) => fault(path).hint(format!("did you mean the column `{name}`?")),
            None => fault(path),
        };
        anyhow::Error::new(error).context(fault)
    })
}

fn fault(path: &Path) -> Fault {
    Fault::new(Code::BoostData, format!("{} cannot be used", path.display()))
}
