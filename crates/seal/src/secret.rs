//! Bytes that are not shown, and are wiped when nobody needs them.

use ring::rand::SecureRandom;
use std::fmt;
use zeroize::Zeroizing;

/// A key of 32 bytes.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

/// There are no random numbers to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

impl Secret {
    /// A key that nobody knows.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn draw(random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// A key that is known.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The same as an X25519 secret, in the one spelling of those that agree alike.
    #[must_use]
    pub(crate) fn clamped(self) -> Self {
        Self::new(curve25519_dalek::scalar::clamp_integer(*self.0))
    }

    /// Exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    /// What is not shown.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// Random bytes that are no secret: nonces and salts.
///
/// # Errors
/// Where there are no random numbers.
pub(crate) fn draw<const N: usize>(random: &dyn SecureRandom) -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    random.fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
