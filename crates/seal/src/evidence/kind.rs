//! Kinds of evidence.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whose evidence it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A report of AMD SEV-SNP.
    SevSnp,
    /// An attestation document of AWS Nitro Enclaves.
    Nitro,
    /// A quote of Intel TDX.
    Tdx,
    /// A quote of Intel SGX.
    Sgx,
    /// Evidence that nobody vouches for.
    #[cfg(feature = "simulated")]
    Simulated,
}

/// Registers of a Nitro Enclave: 0 is the image, 1 kernel and bootstrap, 2 the application, 3 the role of the parent, 4
/// the parent, 8 the certificate that signed the image.
const PCRS: &[&str] = &[
    "pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr5", "pcr6", "pcr7", "pcr8", "pcr9", "pcr10", "pcr11",
    "pcr12", "pcr13", "pcr14", "pcr15",
];

impl Kind {
    /// The name of a register of a Nitro Enclave.
    pub(super) fn register(number: u64) -> Option<&'static str> {
        PCRS.get(usize::try_from(number).ok()?).copied()
    }

    /// All that this build knows.
    pub const ALL: &'static [Self] = &[
        Self::SevSnp,
        Self::Nitro,
        Self::Tdx,
        Self::Sgx,
        #[cfg(feature = "simulated")]
        Self::Simulated,
    ];

    /// As policies and files name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tdx => "tdx",
            Self::Sgx => "sgx",
            #[cfg(feature = "simulated")]
            Self::Simulated => "simulated",
            Self::SevSnp => "sev-snp",
            Self::Nitro => "nitro",
        }
    }

    /// For people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Tdx => "Intel TDX",
            Self::Sgx => "Intel SGX",
            #[cfg(feature = "simulated")]
            Self::Simulated => "SIMULATED evidence",
            Self::SevSnp => "AMD SEV-SNP",
            Self::Nitro => "AWS Nitro Enclave",
        }
    }

    /// The measurements that its claims can have.
    #[must_use]
    pub fn measurements(self) -> &'static [&'static str] {
        match self {
            Self::Tdx => &[
                "mr-td",
                "mr-config-id",
                "mr-owner",
                "mr-owner-config",
                "rtmr0",
                "rtmr1",
                "rtmr2",
                "rtmr3",
                "mr-seam",
                "mr-service-td",
            ],
            Self::Sgx => &["mr-enclave", "mr-signer", "product-id"],
            #[cfg(feature = "simulated")]
            Self::Simulated => &["measurement"],
            Self::Nitro => PCRS,
            Self::SevSnp => {
                &["measurement", "host-data", "id-key-digest", "author-key-digest", "family-id", "image-id"]
            }
        }
    }

    /// Measurements one of which says what program it is: a policy that names none accepts nothing.
    #[must_use]
    pub fn identities(self) -> &'static [&'static str] {
        match self {
            Self::Tdx => &["mr-td"],
            Self::Sgx => &["mr-enclave", "mr-signer"],
            #[cfg(feature = "simulated")]
            Self::Simulated => &["measurement"],
            Self::SevSnp => &["measurement"],
            Self::Nitro => &["pcr0"],
        }
    }

    /// The versions of firmware that its claims can have.
    #[must_use]
    pub fn components(self) -> &'static [&'static str] {
        match self {
            Self::Tdx => &["evaluation"],
            Self::Sgx => &["evaluation", "isv-svn"],
            #[cfg(feature = "simulated")]
            Self::Simulated => &[],
            Self::SevSnp => &["fmc", "bootloader", "tee", "snp", "microcode", "guest-svn"],
            // The hypervisor's versions are not told; the root stands for them.
            Self::Nitro => &[],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
