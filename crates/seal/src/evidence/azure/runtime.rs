//! What the paravisor says: the TPM's keys, how the machine is set up, and words of the guest.

use crate::evidence::EvidenceError;
use base64_simd::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;

/// The attestation key's name.
const KEY: &str = "HCLAkPub";

#[derive(Debug)]
pub(in crate::evidence) struct Runtime {
    pub(in crate::evidence) key: Key,
    pub(super) secure_boot: bool,
    pub(super) details: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(in crate::evidence) struct Key {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Other fields come and go with versions of the paravisor, and all of them are covered by its hash.
#[derive(Deserialize)]
struct Text {
    keys: Vec<JsonWebKey>,
    #[serde(rename = "vm-configuration")]
    machine: Machine,
    #[serde(rename = "user-data")]
    user_data: Option<String>,
}

#[derive(Deserialize)]
struct JsonWebKey {
    kid: String,
    kty: String,
    e: String,
    n: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Machine {
    #[serde(rename = "vmUniqueId")]
    id: Option<String>,
    console_enabled: Option<bool>,
    secure_boot: bool,
}

impl Runtime {
    pub(in crate::evidence) fn read(text: &[u8]) -> Result<Self, EvidenceError> {
        let malformed = |what: String| EvidenceError::Malformed(format!("the paravisor's text: {what}"));
        let text: Text = serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        let mut keys = text.keys.iter().filter(|key| key.kid == KEY);
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return Err(malformed(format!("there is not one key `{KEY}`")));
        };
        let number = |text: &str| URL_SAFE_NO_PAD.decode_to_vec(text).ok();
        let key = match (key.kty.as_str(), number(&key.n), number(&key.e)) {
            ("RSA", Some(modulus), Some(exponent)) => Key { modulus, exponent },
            _ => return Err(malformed(format!("the key `{KEY}` is no RSA key"))),
        };
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let mut details = vec![("secure boot", yes(text.machine.secure_boot))];
        details.extend(text.machine.console_enabled.map(|enabled| ("console", yes(enabled))));
        details.extend(text.machine.id.map(|id| ("machine", id)));
        details.extend(text.user_data.map(|data| ("data of the guest", data)));
        Ok(Self { key, secure_boot: text.machine.secure_boot, details })
    }
}

impl Key {
    /// Does its signature (RSASSA-PKCS1-v1_5 with SHA-256, as these TPMs sign) hold?
    pub(in crate::evidence) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = RsaPublicKeyComponents { n: &self.modulus, e: &self.exponent };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}
