//! What a machine gives a program for evidence, made into [`Evidence`].
//!
//! * A guest asks Linux by its interface `configfs-tsm`: a report in the format of a provider, and, of SEV-SNP, the certificates that
//!   the host put beside it.
//! * A program under Gramine, in an enclave of SGX, asks Gramine for a quote.
//! * A program in a Nitro Enclave asks its security module for a document.
//! * A guest below a paravisor of Azure asks its TPM and its machine's metadata service ([`Paravisor`]).
//!
//! This only puts the pieces together, from bytes. A host can write what it likes into most of them: whether anything in it is
//! genuine, [`Evidence::verify`] says.
//!
//! Source: Linux, Documentation/ABI/testing/configfs-tsm-report (`provider`, `outblob`, `auxblob`); Gramine, Documentation/attestation.rst.

mod nitro;
mod paravisor;
mod table;
mod tpm;

pub use paravisor::{MetadataRequest, Paravisor};
pub use tpm::{TpmError, Transmit};

use super::file::detect;
use super::{Evidence, EvidenceError, Kind, intel};
use crate::x509::PemError;

/// Why what a guest was given is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// Whoever gave it is not known.
    #[error("evidence of the provider `{0}` is not known; known are sev_guest and tdx_guest")]
    Provider(String),
    /// A report that is none.
    #[error("what the provider gave is no evidence of {0} in a format that is known ({1} bytes)")]
    Report(Kind, usize),
    /// The table of certificates is none.
    #[error("the host's table of certificates is malformed: {0}")]
    Table(&'static str),
    /// An entry of the table is no certificate.
    #[error("an entry of the host's table of certificates is none")]
    Certificate(#[from] PemError),
    /// It cannot be read as what it should be.
    #[error("what was given as evidence of {0} cannot be read")]
    Malformed(Kind, #[source] EvidenceError),
    /// Whoever gives it does not.
    #[error("evidence of {0} was refused: {1:?}")]
    Refused(Kind, String),
    /// A TPM gave nothing.
    #[error(transparent)]
    Tpm(#[from] TpmError),
    /// A TPM has nothing of a paravisor.
    #[error("the TPM keeps no report of a paravisor: this is no confidential machine of Azure")]
    NoParavisor,
    /// What a TPM keeps in the place of it is none.
    #[error("what the TPM keeps is no report of a paravisor of a kind that is known")]
    Envelope,
    /// Registers changed between quote and look, time and again.
    #[error("the TPM's registers changed while they were quoted, {0} times in a row")]
    Restless(u32),
    /// What a metadata service said.
    #[error("the machine's metadata service did not give what it was asked for")]
    Metadata,
    /// It is about other bytes than those that were asked with: old, or somebody else's.
    #[error("what was given as evidence of {0} answers another question")]
    Other(Kind),
}

impl Kind {
    /// Where an engine on Linux asks for this evidence; simulated evidence it makes itself.
    #[must_use]
    pub fn device(self) -> Option<&'static str> {
        match self {
            Self::SevSnp | Self::Tdx => Some("/sys/kernel/config/tsm/report"),
            Self::Sgx => Some("/dev/attestation"),
            Self::Nitro => Some("/dev/nsm"),
            Self::AzureSevSnp | Self::AzureTdx => Some("/dev/tpmrm0"),
            #[cfg(feature = "simulated")]
            Self::Simulated => None,
        }
    }

    /// What Linux calls the provider of this evidence: the module that asks the hardware. `None` where it gives guests none of it.
    #[must_use]
    pub fn provider(self) -> Option<&'static str> {
        match self {
            Self::SevSnp => Some("sev_guest"),
            Self::Tdx => Some("tdx_guest"),
            _ => None,
        }
    }
}

impl Evidence {
    /// Evidence from what a provider gave: its report, and what it gave besides, which may be nothing.
    ///
    /// # Errors
    /// Where it is not what the provider gives.
    pub fn of_guest(provider: &str, report: Vec<u8>, besides: &[u8]) -> Result<Self, GuestError> {
        let kind = Kind::ALL.iter().find(|kind| kind.provider() == Some(provider));
        let kind = *kind.ok_or_else(|| GuestError::Provider(provider.to_owned()))?;
        // A quote brings its platform's certificates, and nothing is said of what stands beside it.
        let certificates = if kind == Kind::SevSnp { table::read(besides)? } else { Vec::new() };
        if detect(&report) != Some(kind) {
            return Err(GuestError::Report(kind, report.len()));
        }
        Ok(Self { kind, body: report, certificates, collateral: None })
    }

    /// Evidence from the quote that Gramine gave a program in an enclave of SGX, which asked with these bytes.
    ///
    /// # Errors
    /// Where it is no quote of SGX, or one about other bytes.
    pub fn of_gramine(quote: Vec<u8>, asked: &[u8; 64]) -> Result<Self, GuestError> {
        let kind = Kind::Sgx;
        if detect(&quote) != Some(kind) {
            return Err(GuestError::Report(kind, quote.len()));
        }
        let found = intel::report_data(&quote).map_err(|error| GuestError::Malformed(kind, error))?;
        if found != asked {
            return Err(GuestError::Other(kind));
        }
        Ok(Self { kind, body: quote, certificates: Vec::new(), collateral: None })
    }
}

#[cfg(test)]
mod tests;
