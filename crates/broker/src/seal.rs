//! Secrets at rest: the job of a run that is not over, sealed by a key that is not beside it.
//!
//! AES-256-GCM with a random nonce; the run's id is bound in, so that no sealed job can be put into the
//! row of another. Only jobs with secrets are sealed. What a copy of the state directory shows (a backup, a
//! disk that was given away, the write-ahead log of SQLite) is then no secret.
//!
//! *Limit.* Whoever may read the key's file reads the secrets, and so does every task that runs as the same
//! user on this machine.

use crate::error::StoreError;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use welkin_records::RunId;

/// Beginning of every sealed text, with the version of its form.
const MARK: &str = "sealed:1:";

/// The key that jobs with secrets are sealed with. Prints as `****`.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// A key of 32 bytes, which should be random.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Seals `text` for `run`.
    pub(crate) fn seal(&self, run: &RunId, text: String) -> Result<String, StoreError> {
        let failed = |reason| StoreError::Sealed { run: run.clone(), reason };
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| failed("this machine gives no randomness"))?;
        let mut bytes = text.into_bytes();
        let aad = Aad::from(run.0.as_bytes());
        self.key()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes)
            .map_err(|_| failed("it is too long to be sealed"))?;
        Ok(format!("{MARK}{}{}", hex(&nonce), hex(&bytes)))
    }

    fn open(&self, run: &RunId, sealed: &str) -> Result<String, StoreError> {
        let failed = |reason| StoreError::Sealed { run: run.clone(), reason };
        let mut bytes = unhex(sealed).ok_or_else(|| failed("the sealed text is damaged"))?;
        let (nonce, text) =
            bytes.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(|| failed("the sealed text is damaged"))?;
        let opened =
            self.key().open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(run.0.as_bytes()), text);
        let text = opened.map_err(|_| failed("the key is another one, or the sealed text is damaged"))?;
        String::from_utf8(text.to_vec()).map_err(|_| failed("the sealed text is damaged"))
    }

    /// A text that says nothing of the key, and that nobody finds without it.
    pub(crate) fn salt(&self, words: &str) -> String {
        let key = blake3::derive_key("welkin broker salt 1", &self.0);
        blake3::keyed_hash(&key, words.as_bytes()).to_hex().to_string()
    }

    fn key(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.0).expect("the key has the length it must have"))
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// The text of a job as it was before it was stored, sealed or not.
pub(crate) fn open(key: Option<&SealKey>, run: &RunId, stored: &str) -> Result<String, StoreError> {
    match (stored.strip_prefix(MARK), key) {
        (None, _) => Ok(stored.to_owned()),
        (Some(sealed), Some(key)) => key.open(run, sealed),
        (Some(_), None) => Err(StoreError::Sealed { run: run.clone(), reason: "there is no key" }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"secrets\":{\"TOKEN\":\"hunter22\"}}";

    #[test]
    fn what_is_sealed_opens_with_its_key_for_its_run_and_else_does_not() {
        let (key, run) = (SealKey::new([7; 32]), RunId("a-1".into()));
        let sealed = key.seal(&run, TEXT.to_owned()).unwrap();
        assert!(!sealed.contains("hunter22"));
        assert_ne!(sealed, key.seal(&run, TEXT.to_owned()).unwrap());
        assert_eq!(open(Some(&key), &run, &sealed).unwrap(), TEXT);
        let damaged = format!("{}0", &sealed[..sealed.len() - 1]);
        let other = SealKey::new([8; 32]);
        assert!(open(Some(&other), &run, &sealed).is_err());
        assert!(open(Some(&key), &RunId("a-2".into()), &sealed).is_err());
        assert!(open(None, &run, &sealed).is_err());
        assert!(open(Some(&key), &run, &sealed[..20]).is_err());
        assert!(damaged == sealed || open(Some(&key), &run, &damaged).is_err());
    }

    #[test]
    fn what_was_stored_by_an_earlier_version_is_read_as_it_is() {
        assert_eq!(open(None, &RunId("a-1".into()), TEXT).unwrap(), TEXT);
    }
}
