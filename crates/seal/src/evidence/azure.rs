//! Azure's confidential machines: a paravisor, which the processor measures, gives the guest a TPM, which measures what the guest boots.
//!
//! Three statements make one: the processor's own evidence (a report of SEV-SNP, a quote of TDX) has the SHA-256 of a text of the
//! paravisor for its report data; the text has the TPM's attestation key; and that key signs the registers and the question. The
//! processor's `measurement` is the paravisor's, whose word the registers are: a policy has to name both it and a register.
//!
//! *Left out on purpose:* the envelope that the paravisor puts around report and text ("HCLA"), of which nothing is signed; and of a TDX
//! machine the local report in it, which only that machine could check.
//!
//! Source: Microsoft, Azure confidential VM guest attestation design (report data, runtime data, `HCLAkPub`); TCG, TPM 2.0 Library,
//! parts 2 and 3 (`TPMS_ATTEST`).

mod parts;
mod quote;
mod runtime;

pub(super) use parts::{Envelope, read_envelope, write_parts};
pub(super) use quote::Quote;
pub(super) use runtime::Runtime;

use super::{Claims, Collateral, EvidenceError, Kind, intel, snp};
use crate::hex::HexBytes;
use parts::Parts;
use ring::digest::{SHA256, digest};

/// The names of a TPM's registers.
pub(super) const REGISTERS: [&str; 24] = [
    "pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5", "pcr6", "pcr7", "pcr8", "pcr9", "pcr10", "pcr11",
    "pcr12", "pcr13", "pcr14", "pcr15", "pcr16", "pcr17", "pcr18", "pcr19", "pcr20", "pcr21", "pcr22",
    "pcr23",
];

pub(super) fn verify(
    kind: Kind,
    body: &[u8],
    certificates: &[Vec<u8>],
    collateral: Option<&Collateral>,
    now: u64,
) -> Result<Claims, EvidenceError> {
    let parts = Parts::read(body)?;
    let report_data = match kind {
        Kind::AzureTdx => intel::report_data(parts.hardware)?,
        _ => snp::report_data(parts.hardware)?,
    };
    // What follows depends on the text, which is whose it says if the hardware's signature, looked at last, holds.
    let (sum, zeros) = report_data.split_at(32);
    if *sum != *digest(&SHA256, parts.runtime).as_ref() || zeros.iter().any(|byte| *byte != 0) {
        return Err(EvidenceError::Unvouched("what the paravisor says"));
    }
    let runtime = Runtime::read(parts.runtime)?;
    let quote = Quote::read(parts.message, parts.registers)?;
    if !runtime.key.verifies(parts.message, parts.signature) {
        return Err(EvidenceError::Signature("the TPM's quote"));
    }
    let mut claims = match kind {
        Kind::AzureTdx => intel::verify(Kind::Tdx, parts.hardware, &[], collateral, now)?,
        _ => snp::verify_paravisor(parts.hardware, certificates, now)?,
    };
    claims.kind = kind;
    claims.digest = super::claims::digest(parts.message);
    claims.report_data = HexBytes(quote.question.to_vec());
    for (number, value) in &quote.registers {
        claims.measurements.insert(REGISTERS[*number], HexBytes(value.to_vec()));
    }
    claims.measurements.insert("secure-boot", HexBytes(vec![runtime.secure_boot.into()]));
    claims.details.extend(runtime.details);
    claims.details.push(("restarts of the TPM", quote.restarts.to_string()));
    Ok(claims)
}
