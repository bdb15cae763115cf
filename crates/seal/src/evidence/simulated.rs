//! Simulated evidence: it has the shape of evidence, and nobody vouches for it.
//!
//! It is there so that everything around enclaves can be tried without one. It is a kind of its own, so that no policy accepts it
//! that does not say so by that name, it admits that its operator can look inside, and a build without the feature `simulated`
//! neither makes nor reads it.

use super::{Claims, Evidence, EvidenceError, Kind, Tcb};
use crate::canonical;
use crate::hex::{Hex, HexBytes};
use crate::secret::{NoRandomness, Secret};
use crate::x509::Link;
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    simulated: bool,
    measurement: Hex<48>,
    report_data: Hex<64>,
    /// Made for this report: the signature shows changes, and who made it is unknown.
    key: Hex<32>,
    signature: Hex<64>,
}

impl canonical::Kind for Report {
    const SCHEMA: &'static str = "welkin.simulated-report/1";
    const MOST_BYTES: usize = 4 << 10;
}

impl Report {
    fn message(&self) -> Vec<u8> {
        canonical::message("welkin simulated report/1", &(&self.measurement, &self.report_data, &self.key))
    }
}

impl Evidence {
    /// Evidence that nobody vouches for.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn simulate(
        measurement: Hex<48>,
        report_data: Hex<64>,
        random: &dyn SecureRandom,
    ) -> Result<Self, NoRandomness> {
        let seed = Secret::draw(random)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("a seed has 32 bytes");
        let mut report =
            Report { simulated: true, measurement, report_data, key: Hex([0; 32]), signature: Hex([0; 64]) };
        report.key.0.copy_from_slice(pair.public_key().as_ref());
        let signature = pair.sign(&report.message());
        report.signature.0.copy_from_slice(signature.as_ref());
        Ok(Self {
            kind: Kind::Simulated,
            body: canonical::write(&report),
            certificates: Vec::new(),
            collateral: None,
        })
    }
}

pub(super) fn verify(body: &[u8], certificates: &[Vec<u8>]) -> Result<Claims, EvidenceError> {
    let report: Report =
        canonical::read(body).map_err(|error| EvidenceError::Malformed(error.to_string()))?;
    if !report.simulated || !certificates.is_empty() {
        return Err(EvidenceError::Malformed(
            "simulated evidence says so, and has no certificates".to_owned(),
        ));
    }
    let key = UnparsedPublicKey::new(&ED25519, report.key.0);
    if key.verify(&report.message(), &report.signature.0).is_err() {
        return Err(EvidenceError::Signature("the simulated report"));
    }
    let link = Link {
        subject: "SIMULATED: nobody vouches for this".to_owned(),
        not_before: 0,
        not_after: u64::MAX,
        fingerprint: canonical::digest(&report.key.0),
    };
    Ok(Claims {
        kind: Kind::Simulated,
        root: "SIMULATED",
        chain: vec![link],
        measurements: BTreeMap::from([("measurement", HexBytes(report.measurement.0.to_vec()))]),
        report_data: HexBytes(report.report_data.0.to_vec()),
        nonce: None,
        debug: true,
        tcb: Tcb::default(),
        details: vec![("simulated", "no hardware keeps anybody out of this".to_owned())],
        digest: canonical::digest(&report.message()),
    })
}
