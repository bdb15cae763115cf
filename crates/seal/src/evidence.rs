//! Evidence: what hardware, or something that says so, states about a workload, in the formats of those who make it.
//!
//! A format is a folder: `read` makes fields of bytes, `verify` checks signatures down to a root that is built in by the
//! hash of its key, and what was found becomes [`Claims`], the same for all. Nothing here decides whether the claims are
//! good enough: that is the policy's.

mod azure;
mod claims;
mod error;
mod file;
mod guest;
mod intel;
mod kind;
mod nitro;
#[cfg(feature = "simulated")]
mod simulated;
mod snp;

pub use claims::{Claims, Tcb};
pub use error::EvidenceError;
pub use file::ReadError;
pub use guest::{GuestError, MetadataRequest, Paravisor, TpmError, Transmit};
pub use intel::Collateral;
pub use kind::Kind;

use serde::{Deserialize, Serialize};

/// Evidence with what is needed to check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Whose format it is in.
    pub kind: Kind,
    /// As the hardware gave it.
    #[serde(with = "file::base64")]
    pub body: Vec<u8>,
    /// Certificates in DER that are not part of the body, in any order.
    #[serde(with = "file::base64_list", default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<Vec<u8>>,
    /// What Intel says of the versions of its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral: Option<Collateral>,
}

impl Evidence {
    /// Checks that it is genuine at the time `now`, in seconds since 1970, and says what it claims.
    ///
    /// # Errors
    /// What does not hold.
    pub fn verify(&self, now: u64) -> Result<Claims, EvidenceError> {
        match self.kind {
            #[cfg(feature = "simulated")]
            Kind::Simulated => simulated::verify(&self.body, &self.certificates),
            Kind::Tdx | Kind::Sgx => {
                intel::verify(self.kind, &self.body, &self.certificates, self.collateral.as_ref(), now)
            }
            Kind::AzureSevSnp | Kind::AzureTdx => {
                azure::verify(self.kind, &self.body, &self.certificates, self.collateral.as_ref(), now)
            }
            Kind::Nitro => nitro::verify(&self.body, &self.certificates, now),
            Kind::SevSnp => snp::verify(&self.body, &self.certificates, now),
        }
    }
}
