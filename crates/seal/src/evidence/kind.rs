//! Kinds of evidence.

use super::azure::REGISTERS;
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
    /// SEV-SNP below a paravisor of Azure, whose TPM speaks for the guest.
    AzureSevSnp,
    /// TDX below such a paravisor.
    AzureTdx,
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

const SNP: &[&str] =
    &["measurement", "host-data", "id-key-digest", "author-key-digest", "family-id", "image-id"];

const TD: &[&str] = &[
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
];

/// The hardware's measurements are the paravisor's; those of the guest are the TPM's.
const AZURE_SNP: &[&str] = &joined::<{ SNP.len() + OF_GUEST.len() }>(SNP);
const AZURE_TD: &[&str] = &joined::<{ TD.len() + OF_GUEST.len() }>(TD);
const OF_GUEST: [&str; REGISTERS.len() + 1] = {
    let mut all = ["secure-boot"; REGISTERS.len() + 1];
    let mut at = 0;
    while at < REGISTERS.len() {
        all[at] = REGISTERS[at];
        at += 1;
    }
    all
};

const fn joined<const N: usize>(hardware: &'static [&'static str]) -> [&'static str; N] {
    let mut all = [""; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < hardware.len() { hardware[at] } else { OF_GUEST[at - hardware.len()] };
        at += 1;
    }
    all
}

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
        Self::AzureSevSnp,
        Self::AzureTdx,
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
            Self::AzureSevSnp => "azure-sev-snp",
            Self::AzureTdx => "azure-tdx",
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
            Self::AzureSevSnp => "Azure confidential VM on AMD SEV-SNP",
            Self::AzureTdx => "Azure confidential VM on Intel TDX",
        }
    }

    /// The measurements that its claims can have.
    #[must_use]
    pub fn measurements(self) -> &'static [&'static str] {
        match self {
            Self::Tdx => TD,
            Self::Sgx => &["mr-enclave", "mr-signer", "product-id"],
            #[cfg(feature = "simulated")]
            Self::Simulated => &["measurement"],
            Self::Nitro => PCRS,
            Self::SevSnp => SNP,
            Self::AzureSevSnp => AZURE_SNP,
            Self::AzureTdx => AZURE_TD,
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
            // What the firmware started, and a kernel with all that belongs to it.
            Self::AzureSevSnp | Self::AzureTdx => &["pcr4", "pcr11"],
        }
    }

    /// The measurement that says who speaks for the program, where that is somebody else: it has to be named as well.
    #[must_use]
    pub fn speaker(self) -> Option<&'static str> {
        match self {
            Self::AzureSevSnp => Some("measurement"),
            Self::AzureTdx => Some("mr-td"),
            _ => None,
        }
    }

    /// How many bytes of report data it has room for.
    #[must_use]
    pub fn room(self) -> usize {
        match self {
            // TPMs take no more with a question than their longest hash, which is of SHA-384.
            Self::AzureSevSnp | Self::AzureTdx => 48,
            _ => 64,
        }
    }

    /// The versions of firmware that its claims can have.
    #[must_use]
    pub fn components(self) -> &'static [&'static str] {
        match self {
            Self::Tdx | Self::AzureTdx => &["evaluation"],
            Self::Sgx => &["evaluation", "isv-svn"],
            #[cfg(feature = "simulated")]
            Self::Simulated => &[],
            Self::SevSnp | Self::AzureSevSnp => {
                &["fmc", "bootloader", "tee", "snp", "microcode", "guest-svn"]
            }
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
