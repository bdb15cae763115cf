//! Where evidence comes from: the hardware below this machine, by Linux ([`guest`]), or nowhere, and then it says so.
//!
//! An engine is told which kinds of evidence it may give, and gives one of these or none: it does not look for another, and simulated
//! evidence is never given in the place of one that is missing.
//!
//! *Rejected:* an engine that takes what it finds. On a machine whose kernel lacks a module it would simulate, and whoever named both
//! kinds would not hear of it.

mod beside;
mod guest;

use super::error::EngineError;
use guest::{Folder, Guest};
use std::path::PathBuf;
use welkin_seal::{Evidence, Hex, Kind};

/// Which evidence an engine may give, and what to give with it.
#[derive(Debug)]
pub struct Source {
    /// As they were named: which of them this program knows is told when it is asked.
    kinds: Vec<String>,
    certificates: Vec<PathBuf>,
    /// Where there may be more of them.
    folder: PathBuf,
    guest: Box<dyn Guest>,
}

impl Source {
    /// Evidence of one of these kinds, by their names. The files have certificates or collateral that the machine does not
    /// give itself; without any, those of `/etc/welkin/evidence` are looked through.
    #[must_use]
    pub fn new(kinds: Vec<String>, certificates: Vec<PathBuf>) -> Self {
        Self {
            kinds,
            certificates,
            folder: PathBuf::from(beside::FOLDER),
            guest: Box::new(Folder::default()),
        }
    }

    /// Evidence that is bound to these bytes.
    ///
    /// # Errors
    /// What stands in the way, and what would change that.
    pub fn evidence(&self, report_data: Hex<64>) -> Result<Evidence, EngineError> {
        let kinds = self.kinds.iter().map(|name| known(name)).collect::<Result<Vec<_>, _>>()?;
        match kinds[..] {
            [] => Err(none("nobody said which".to_owned())),
            #[cfg(feature = "simulated")]
            [Kind::Simulated] => {
                let measured = super::measure()?;
                Ok(Evidence::simulate(measured, report_data, &ring::rand::SystemRandom::new())?)
            }
            #[cfg(feature = "simulated")]
            _ if kinds.contains(&Kind::Simulated) => {
                Err(none("it is simulated or it is not, and both were asked for".to_owned()))
            }
            _ => {
                let mut evidence = guest::ask(&*self.guest, &kinds, &report_data.0).map_err(none)?;
                beside::add(&mut evidence, &self.certificates, &self.folder).map_err(none)?;
                Ok(evidence)
            }
        }
    }
}

fn none(why: String) -> EngineError {
    EngineError::Evidence(why)
}

/// A kind that an engine can give.
fn known(name: &str) -> Result<Kind, EngineError> {
    #[cfg(feature = "simulated")]
    if name == Kind::Simulated.name() {
        return Ok(Kind::Simulated);
    }
    let kind = Kind::ALL.iter().find(|kind| kind.name() == name && kind.provider().is_some());
    kind.copied().ok_or_else(|| {
        let simulated = if cfg!(feature = "simulated") { ", simulated" } else { "" };
        none(format!("this engine gives none of `{name}`; it gives sev-snp, tdx{simulated}"))
    })
}

#[cfg(test)]
mod tests;
