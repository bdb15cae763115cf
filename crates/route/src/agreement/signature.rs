//! What both parties sign, and whether they did.
//!
//! The canonical bytes are a fixed first line and then every field in a fixed order, each as its length in
//! eight bytes, least significant first, and its text. Lists begin with their number of entries. So no two
//! agreements have the same bytes, and the spacing of a file or the order of its keys changes nothing.
//!
//! *Rejected:* signing the file's text (a formatter would break it) and JSON canonicalisation (its rules
//! for numbers have more cases than an agreement has fields).

use super::model::{Agreement, Price, Revocation};
use ed25519_dalek::{Signature, VerifyingKey};
use std::collections::BTreeMap;
use welkin_units::{BitsPerSecond, Usd};

const DOMAIN: &str = "welkin agreement v2\n";
const REVOCATION: &str = "welkin revocation v1\n";

/// Public keys in hex by provider: whom the user believes. A provider may have several, while it changes from one to
/// the next. They come from the user's own configuration and never with an agreement.
pub type TrustedKeys = BTreeMap<String, Vec<String>>;

impl Agreement {
    /// The bytes that each party signs.
    #[must_use]
    pub fn signable(&self) -> Vec<u8> {
        let mut out = DOMAIN.as_bytes().to_vec();
        put(&mut out, &self.id);
        put(&mut out, &self.version.to_string());
        put(&mut out, &self.parties[0]);
        put(&mut out, &self.parties[1]);
        put(&mut out, self.kind.name());
        count(&mut out, self.scope.len());
        for scope in &self.scope {
            put(&mut out, &scope.from);
            put(&mut out, &scope.to);
        }
        put(&mut out, if self.reciprocal { "both ways" } else { "one way" });
        match &self.price {
            Price::PerGb(steps) => {
                put(&mut out, "per gb");
                count(&mut out, steps.len());
                for step in steps {
                    put(&mut out, &step.up_to_gb.map(|bound| bound.to_string()).unwrap_or_default());
                    put(&mut out, &nanos(step.usd));
                }
            }
            Price::Capacity { rate, usd_per_hour, units } => {
                put(&mut out, "capacity");
                put(&mut out, &bits(*rate));
                put(&mut out, &nanos(*usd_per_hour));
                put(&mut out, &units.to_string());
            }
        }
        // The bits of the number, since its decimal form is not unique.
        put(&mut out, &self.ratio_cap.map(|cap| cap.to_bits().to_string()).unwrap_or_default());
        for list in [&self.conditions.within, &self.conditions.declared] {
            count(&mut out, list.len());
            for entry in list {
                put(&mut out, entry);
            }
        }
        put(&mut out, &self.effective);
        put(&mut out, &self.until);
        out
    }

    /// Whether both parties signed with keys that are trusted.
    ///
    /// # Errors
    /// The first party whose signature does not hold, and why.
    pub(super) fn verify(&self, keys: &TrustedKeys) -> Result<(), String> {
        let message = self.signable();
        for party in &self.parties {
            let signature = self.signatures.get(party).ok_or_else(|| format!("{party} has not signed"))?;
            verify(party, &message, signature, keys)?;
        }
        Ok(())
    }
}

impl Revocation {
    /// The bytes that the party that revokes signs.
    #[must_use]
    pub fn signable(&self) -> Vec<u8> {
        let mut out = REVOCATION.as_bytes().to_vec();
        put(&mut out, &self.id);
        put(&mut out, &self.version.to_string());
        put(&mut out, &self.parties[0]);
        put(&mut out, &self.parties[1]);
        put(&mut out, &self.by);
        out
    }

    /// Whether one of the parties signed it with a key that is trusted.
    ///
    /// # Errors
    /// Why it does not count.
    pub(super) fn verify(&self, keys: &TrustedKeys) -> Result<(), String> {
        if !self.parties.contains(&self.by) {
            return Err(format!("{} is no party of it", self.by.escape_debug()));
        }
        verify(&self.by, &self.signable(), &self.signature, keys)
    }
}

fn verify(party: &str, message: &[u8], signature: &str, keys: &TrustedKeys) -> Result<(), String> {
    let trusted = keys.get(party).filter(|keys| !keys.is_empty());
    let trusted = trusted.ok_or_else(|| format!("no key of {party} is trusted"))?;
    let signature =
        hex(signature).ok_or_else(|| format!("the signature of {party} is not 128 hex digits"))?;
    let signature = Signature::from_bytes(&signature);
    for key in trusted {
        let key = hex(key).ok_or_else(|| format!("a key of {party} is not 64 hex digits"))?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| format!("a key of {party} is no key"))?;
        // Strict: a signature holds for one message and one key, and for nothing that resembles them.
        if key.verify_strict(message, &signature).is_ok() {
            return Ok(());
        }
    }
    Err(format!("the signature of {party} does not fit"))
}

fn put(out: &mut Vec<u8>, text: &str) {
    count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u64).to_le_bytes());
}

fn nanos(usd: Usd) -> String {
    usd.nanos().to_string()
}

fn bits(rate: BitsPerSecond) -> String {
    rate.get().to_string()
}

/// Exactly `N` bytes from their hex digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}
