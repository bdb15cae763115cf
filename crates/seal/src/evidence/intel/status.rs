//! How new a platform is: the first level of Intel's statement that it reaches, and the worst of platform, module and quoting
//! enclave.

use super::collateral::{EnclaveIdentity, EnclaveLevel, Statements};
use super::platform::Platform;
use super::quote::{Body, Quote};
use crate::evidence::EvidenceError;
use crate::hex::from_hex;

pub(super) struct Judged {
    pub(super) status: String,
    pub(super) advisories: Vec<String>,
}

pub(super) fn judge(
    quote: &Quote<'_>,
    platform: &Platform<'_>,
    statements: &Statements,
) -> Result<Judged, EvidenceError> {
    let tcb = &statements.tcb;
    let (id, enclave) = match quote.body {
        Body::Sgx(_) => ("SGX", "QE"),
        Body::Tdx(_) => ("TDX", "TD_QE"),
    };
    let same = |text: &str, bytes: &[u8]| from_hex(text).as_deref() == Some(bytes);
    let fits = tcb.id == id && same(&tcb.fmspc, platform.fmspc) && same(&tcb.pce_id, platform.pce_id);
    if !fits || statements.enclave.id != enclave {
        return Err(EvidenceError::Collateral("it is of another platform".to_owned()));
    }
    let (mut status, mut advisories) = platform_level(quote, platform, statements)?;
    let quoting = enclave_level(&statements.enclave, quote.enclave)?;
    let mut parts = vec![quoting];
    if let Body::Tdx(report) = quote.body {
        parts.extend(module_level(statements, report)?);
    }
    for part in parts {
        status = worse(&status, &part.tcb_status);
        advisories.extend(part.advisories.iter().cloned());
    }
    advisories.sort();
    advisories.dedup();
    Ok(Judged { status, advisories })
}

fn none(what: &str) -> EvidenceError {
    EvidenceError::Collateral(format!("no level of it fits the {what}"))
}

fn platform_level(
    quote: &Quote<'_>,
    platform: &Platform<'_>,
    statements: &Statements,
) -> Result<(String, Vec<String>), EvidenceError> {
    let reached = |level: &&super::collateral::PlatformLevel| {
        let sgx = &level.tcb.sgxtcbcomponents;
        let parts = platform.components.iter().zip(sgx).all(|(have, want)| *have >= want.svn);
        let tdx = match quote.body {
            Body::Sgx(_) => true,
            Body::Tdx(report) => {
                // The first two are the module's, which has a statement of its own from its version 1 on.
                let first = if report[1] > 0 { 2 } else { 0 };
                let wanted = &level.tcb.tdxtcbcomponents;
                wanted.len() == 16
                    && report[..16]
                        .iter()
                        .zip(wanted)
                        .skip(first)
                        .all(|(have, want)| u64::from(*have) >= want.svn)
            }
        };
        sgx.len() == 16 && parts && platform.pce_svn >= level.tcb.pcesvn && tdx
    };
    let level = statements.tcb.tcb_levels.iter().find(reached).ok_or_else(|| none("platform"))?;
    Ok((level.tcb_status.clone(), level.advisories.clone()))
}

/// The quoting enclave, by its report.
fn enclave_level<'a>(
    identity: &'a EnclaveIdentity,
    report: &[u8],
) -> Result<&'a EnclaveLevel, EvidenceError> {
    let product = u16::from_le_bytes([report[256], report[257]]);
    let svn = u16::from_le_bytes([report[258], report[259]]);
    let misc: Vec<u8> = report[16..20].iter().rev().copied().collect();
    let fits = from_hex(&identity.mrsigner).as_deref() == Some(&report[128..160])
        && identity.isvprodid == product
        && masked(&report[48..64], &identity.attributes, &identity.attributes_mask)
        && masked(&misc, &identity.miscselect, &identity.miscselect_mask);
    if !fits {
        return Err(EvidenceError::Mismatch("quoting enclave"));
    }
    level(identity, svn.into()).ok_or_else(|| none("quoting enclave"))
}

/// The module of TDX, by the body; before its version 1 it had no statement.
fn module_level<'a>(
    statements: &'a Statements,
    report: &[u8],
) -> Result<Option<&'a EnclaveLevel>, EvidenceError> {
    if report[1] == 0 {
        return Ok(None);
    }
    let id = format!("TDX_{:02X}", report[1]);
    let identity = statements.tcb.tdx_module_identities.iter().find(|identity| identity.id == id);
    let identity = identity.ok_or_else(|| none("module"))?;
    let fits = from_hex(&identity.mrsigner).as_deref() == Some(&report[64..112])
        && masked(&report[112..120], &identity.attributes, &identity.attributes_mask);
    if !fits {
        return Err(EvidenceError::Mismatch("module"));
    }
    level(identity, report[0].into()).map(Some).ok_or_else(|| none("module"))
}

fn level(identity: &EnclaveIdentity, svn: u64) -> Option<&EnclaveLevel> {
    identity.tcb_levels.iter().find(|level| svn >= level.tcb.isvsvn)
}

/// Is `found`, where the mask has ones, what is wanted?
fn masked(found: &[u8], wanted: &str, mask: &str) -> bool {
    let (Some(wanted), Some(mask)) = (from_hex(wanted), from_hex(mask)) else { return false };
    wanted.len() == found.len()
        && mask.len() == found.len()
        && found.iter().zip(&mask).zip(&wanted).all(|((found, mask), wanted)| found & mask == *wanted)
}

/// What remains to be said of a platform one part of which is out of date, or revoked.
fn worse(status: &str, part: &str) -> String {
    let joined = match (status, part) {
        (status, "UpToDate") => status,
        (_, "Revoked") | ("Revoked", _) => "Revoked",
        ("UpToDate" | "SWHardeningNeeded", "OutOfDate") => "OutOfDate",
        ("ConfigurationNeeded" | "ConfigurationAndSWHardeningNeeded", "OutOfDate") => {
            "OutOfDateConfigurationNeeded"
        }
        (status @ ("OutOfDate" | "OutOfDateConfigurationNeeded"), _) => status,
        (_, part) => part,
    };
    joined.to_owned()
}
