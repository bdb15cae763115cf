//! What a job file does not say itself: its name and the command line's overrides.

use crate::model::Secret;
use std::collections::BTreeMap;

/// What the caller knows besides the text. Nothing is read from files or the environment.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// File name for messages; its stem names a job that does not name itself.
    pub file: String,
    /// `--env NAME=value`: set in every task, over what the file says.
    pub envs: BTreeMap<String, String>,
    /// `--secret NAME=value`: set in every task, over what the file says.
    pub secrets: BTreeMap<String, Secret>,
    /// Whether a secret without a value is an error (to run) rather than a warning (to plan).
    pub secrets_required: bool,
    /// Providers known besides those of the file format ([`crate::PROVIDERS`]), in lower case.
    pub providers: Vec<String>,
}

impl Context {
    /// A context for a file of this name, with nothing overridden.
    #[must_use]
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), ..Self::default() }
    }

    /// The name for a job that has none: the stem of the file name.
    pub(crate) fn stem(&self) -> String {
        let base = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = base.split('.').find(|part| !part.is_empty()).unwrap_or_default();
        let cleaned: String =
            stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
        let name = cleaned.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        if name.is_empty() { "job".to_owned() } else { name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stem_becomes_a_name() {
        for (file, name) in [
            ("a/train.yaml", "train"),
            ("", "job"),
            ("-", "job"),
            ("my job_1.sky.yml", "my-job-1"),
            (".x", "x"),
        ] {
            assert_eq!(Context::new(file).stem(), name);
        }
    }
}
