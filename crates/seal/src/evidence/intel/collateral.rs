//! Statements of Intel: which versions of firmware are how good, and what was revoked.

use super::{nothing_between, read_all};
use crate::evidence::EvidenceError;
use crate::hex::from_hex_in_one_case;
use crate::x509::{Certificate, RevocationList, Root, instant, read_certificates, verify_chain};
use serde::{Deserialize, Serialize};

/// What comes along with a quote, as Intel's service and its caches give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collateral {
    /// A list in DER, in hexadecimal digits.
    root_ca_crl: String,
    pck_crl: String,
    tcb_info_issuer_chain: String,
    tcb_info: String,
    tcb_info_signature: String,
    qe_identity_issuer_chain: String,
    qe_identity: String,
    qe_identity_signature: String,
}

/// Statements that are genuine and in force.
pub(super) struct Statements {
    pub(super) tcb: TcbInfo,
    pub(super) enclave: EnclaveIdentity,
    pub(super) evaluation: u64,
    root_list: Vec<u8>,
    platform_list: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dates {
    issue_date: String,
    next_update: String,
    tcb_evaluation_data_number: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TcbInfo {
    pub(super) id: String,
    pub(super) fmspc: String,
    pub(super) pce_id: String,
    #[serde(default)]
    pub(super) tdx_module_identities: Vec<EnclaveIdentity>,
    pub(super) tcb_levels: Vec<PlatformLevel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlatformLevel {
    pub(super) tcb: PlatformTcb,
    pub(super) tcb_status: String,
    #[serde(default, rename = "advisoryIDs")]
    pub(super) advisories: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct PlatformTcb {
    pub(super) sgxtcbcomponents: Vec<Component>,
    #[serde(default)]
    pub(super) tdxtcbcomponents: Vec<Component>,
    pub(super) pcesvn: u64,
}

#[derive(Deserialize)]
pub(super) struct Component {
    pub(super) svn: u64,
}

/// An enclave of Intel's, or its module for TDX.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnclaveIdentity {
    pub(super) id: String,
    pub(super) mrsigner: String,
    pub(super) attributes: String,
    pub(super) attributes_mask: String,
    #[serde(default)]
    pub(super) miscselect: String,
    #[serde(default)]
    pub(super) miscselect_mask: String,
    #[serde(default)]
    pub(super) isvprodid: u16,
    pub(super) tcb_levels: Vec<EnclaveLevel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnclaveLevel {
    pub(super) tcb: EnclaveTcb,
    pub(super) tcb_status: String,
    #[serde(default, rename = "advisoryIDs")]
    pub(super) advisories: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct EnclaveTcb {
    pub(super) isvsvn: u64,
}

fn unusable(what: &str) -> EvidenceError {
    EvidenceError::Collateral(what.to_owned())
}

impl Statements {
    pub(super) fn verify(collateral: &Collateral, roots: &[Root], now: u64) -> Result<Self, EvidenceError> {
        let signed = |chain: &str, text: &str, signature: &str| {
            if !nothing_between(chain.as_bytes()) {
                return Err(unusable("something stands between the certificates of a statement"));
            }
            let pems = read_certificates(chain.as_bytes()).map_err(|error| unusable(&error.to_string()))?;
            let chain = read_all(&pems)?;
            verify_chain(&chain, roots, now)?;
            let signature =
                from_hex_in_one_case(signature).ok_or_else(|| unusable("a signature is not in digits"))?;
            if !chain[0].key.verifies_p256_fixed(text.as_bytes(), &signature) {
                return Err(EvidenceError::Signature("a statement of Intel"));
            }
            dated(text, now)
        };
        let evaluation =
            signed(&collateral.tcb_info_issuer_chain, &collateral.tcb_info, &collateral.tcb_info_signature)?;
        signed(
            &collateral.qe_identity_issuer_chain,
            &collateral.qe_identity,
            &collateral.qe_identity_signature,
        )?;
        let json = |error: serde_json::Error| unusable(&error.to_string());
        let list = |text: &str| from_hex_in_one_case(text).ok_or_else(|| unusable("a list is not in digits"));
        Ok(Self {
            tcb: serde_json::from_str(&collateral.tcb_info).map_err(json)?,
            enclave: serde_json::from_str(&collateral.qe_identity).map_err(json)?,
            evaluation,
            root_list: list(&collateral.root_ca_crl)?,
            platform_list: list(&collateral.pck_crl)?,
        })
    }

    /// Is none of these certificates, each with its issuer, on the list of its issuer?
    pub(super) fn check_revocation(
        &self,
        certificates: &[(&Certificate<'_>, &Certificate<'_>); 2],
        now: u64,
    ) -> Result<(), EvidenceError> {
        for ((certificate, issuer), raw) in certificates.iter().zip([&self.platform_list, &self.root_list]) {
            let list = RevocationList::read(raw)
                .ok_or_else(|| unusable("a list of revoked certificates cannot be read"))?;
            if !list.speaks_for(issuer, now) {
                return Err(unusable(
                    "a list of revoked certificates is not its issuer's, or out of its time",
                ));
            }
            if list.revokes(certificate.serial) {
                return Err(EvidenceError::Revoked(certificate.common_name()));
            }
        }
        Ok(())
    }
}

fn dated(text: &str, now: u64) -> Result<u64, EvidenceError> {
    let dates: Dates = serde_json::from_str(text).map_err(|error| unusable(&error.to_string()))?;
    let (from, to) = (instant(&dates.issue_date), instant(&dates.next_update));
    match (from, to) {
        (Some(from), Some(to)) if (from..=to).contains(&now) => Ok(dates.tcb_evaluation_data_number),
        _ => Err(EvidenceError::Collateral(format!(
            "it is in force from {} to {}",
            dates.issue_date, dates.next_update
        ))),
    }
}
