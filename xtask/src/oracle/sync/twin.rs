//! rclone, as the measure and as a pair of hands.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::step::Order;
use crate::oracle::process::{Ended, run};

/// It takes a tenth of a second; a machine that is busy takes seconds.
const LONGEST: Duration = Duration::from_secs(120);

/// rclone with the stores that a round has.
#[derive(Debug)]
pub(super) struct Twin {
    pub(super) program: std::path::PathBuf,
    pub(super) variables: Vec<(String, String)>,
}

impl Twin {
    /// The same order, from place to place.
    pub(super) fn obey(
        &self,
        order: &Order,
        from: &OsString,
        to: &OsString,
        scratch: &Path,
    ) -> Result<Ended> {
        let mut words: Vec<OsString> = order.rclone().into_iter().map(OsString::from).collect();
        words.extend([from.clone(), to.clone()]);
        self.run(words, scratch)
    }

    pub(super) fn run(&self, words: Vec<OsString>, scratch: &Path) -> Result<Ended> {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            // One try: what it cannot do it cannot do, and three tries with pauses take seconds.
            .args(["--config", "", "--retries", "1", "--transfers", "4", "--checkers", "4"])
            // Two spellings of a letter are two names here; to rclone, unasked, they are one.
            .arg("--no-unicode-normalization")
            .env_clear()
            .env("HOME", scratch)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(scratch);
        Ok(run(&mut command, scratch, LONGEST)?)
    }
}
