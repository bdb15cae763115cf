//! Parameters out of a file and of arguments.

use super::read;
use crate::report::{Code, Fault};
use std::path::Path;
use welkin_boost::Params;

/// Those of the file, then those that were given one by one.
pub(super) fn of(file: Option<&Path>, set: &[(String, String)]) -> anyhow::Result<Params> {
    let wrong = |error, of: String| anyhow::Error::new(error).context(Fault::new(Code::BoostParams, of));
    let mut params = Params::default();
    if let Some(path) = file {
        let of = format!("{} cannot be used", path.display());
        params.read(&read(path)?).map_err(|error| wrong(error, of))?;
    }
    for (name, value) in set {
        params
            .set(name, value)
            .map_err(|error| wrong(error, format!("--set {name}={value} cannot be used")))?;
    }
    Ok(params)
}
