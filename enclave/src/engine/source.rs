//! Where evidence comes from: the hardware below this machine, or nowhere, and then it says so.
//!
//! Hardware is asked where the kind that was named is asked for: a guest's Linux ([`guest`]), Gramine around a program in an enclave of
//! SGX ([`gramine`]), the security module of a Nitro Enclave ([`nitro`]), or the TPM of a confidential machine of Azure ([`vtpm`]).
//! Where kinds of several were named, the one that is there is asked; one that is there and fails has no other in its place.
//!
//! An engine is told which kinds of evidence it may give, and gives one of these or none: it does not look for another, and simulated
//! evidence is never given in the place of one that is missing.
//!
//! *Rejected:* an engine that takes what it finds. On a machine whose kernel lacks a module it would simulate, and whoever named both
//! kinds would not hear of it.

mod beside;
mod gramine;
mod guest;
mod http;
mod limit;
mod nitro;
mod vtpm;

use super::error::EngineError;
use gramine::Gramine;
use guest::{Folder, Guest};
use nitro::Nitro;
use std::path::PathBuf;
use vtpm::Vtpm;
use welkin_seal::{Evidence, Hex, Kind};

/// Which evidence an engine may give, and what to give with it.
#[derive(Debug)]
pub struct Source {
    /// As they were named: which of them this program knows is told when it is asked.
    kinds: Vec<String>,
    certificates: Vec<PathBuf>,
    /// Where there may be more of them.
    folder: PathBuf,
    devices: Devices,
}

/// What can be asked, all of it or something that looks like it.
#[derive(Debug)]
struct Devices {
    guest: Box<dyn Guest>,
    gramine: Gramine,
    nitro: Nitro,
    vtpm: Vtpm,
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            guest: Box::new(Folder::default()),
            gramine: Gramine::default(),
            nitro: Nitro::default(),
            vtpm: Vtpm::default(),
        }
    }
}

/// Why a device gave nothing.
#[derive(Debug)]
enum Nothing {
    /// It is not there, or gives none of the kinds that were named.
    Missing(String),
    /// It is there.
    Failed(String),
}

impl Source {
    /// Evidence of one of these kinds, by their names. The files have certificates or collateral that the machine does not
    /// give itself; without any, those of `/etc/welkin/evidence` are looked through.
    #[must_use]
    pub fn new(kinds: Vec<String>, certificates: Vec<PathBuf>) -> Self {
        Self { kinds, certificates, folder: PathBuf::from(beside::FOLDER), devices: Devices::default() }
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
                let mut evidence = self.devices.ask(&kinds, &report_data.0).map_err(none)?;
                beside::add(&mut evidence, &self.certificates, &self.folder).map_err(none)?;
                Ok(evidence)
            }
        }
    }
}

impl Devices {
    /// Asks those that give one of these kinds, in turn, until one is there.
    fn ask(&self, kinds: &[Kind], bytes: &[u8; 64]) -> Result<Evidence, String> {
        let of = |some: &[Kind]| some.iter().copied().filter(|kind| kinds.contains(kind)).collect::<Vec<_>>();
        let mut missing = Vec::new();
        // A TPM is last: many a machine has one.
        let paravisors = [Kind::AzureSevSnp, Kind::AzureTdx];
        for some in [&[Kind::SevSnp, Kind::Tdx][..], &[Kind::Sgx], &[Kind::Nitro], &paravisors] {
            let named = of(some);
            let given = match named[..] {
                [] => continue,
                [Kind::Sgx] => self.gramine.ask(bytes),
                [Kind::Nitro] => self.nitro.ask(bytes),
                [kind, ..] if paravisors.contains(&kind) => self.vtpm.ask(&named, bytes),
                _ => guest::ask(&*self.guest, &named, bytes),
            };
            match given {
                Ok(evidence) => return Ok(evidence),
                Err(Nothing::Failed(why)) => return Err(why),
                Err(Nothing::Missing(why)) => missing.push(why),
            }
        }
        Err(missing.join("; "))
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
    let given = || Kind::ALL.iter().filter(|kind| kind.device().is_some());
    given().find(|kind| kind.name() == name).copied().ok_or_else(|| {
        let simulated = if cfg!(feature = "simulated") { ", simulated" } else { "" };
        let names = given().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        none(format!("this engine gives none of `{name}`; it gives {names}{simulated}"))
    })
}

#[cfg(test)]
mod tests;
