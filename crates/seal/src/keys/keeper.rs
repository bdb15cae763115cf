//! Whoever keeps a key that is not given away: a token, a module in a machine, a service.

use zeroize::Zeroizing;

/// What a keeper says, in its own words.
pub type KeeperError = Box<dyn std::error::Error + Send + Sync>;

/// Seals and opens by a key that nobody else has. Implementations stand outside of this crate, which touches nothing.
pub trait Keeper {
    /// Where the key is, so that it is found again. It is written into the file of what is sealed.
    fn place(&self) -> &str;

    /// Seals a short message, and binds it to `about`.
    ///
    /// # Errors
    /// Where it cannot.
    fn seal(&self, about: &[u8], message: &[u8]) -> Result<Vec<u8>, KeeperError>;

    /// Opens what was sealed about the same.
    ///
    /// # Errors
    /// Where anything differs.
    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeeperError>;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::aead;
    use crate::secret::Secret;
    use ring::rand::SystemRandom;

    /// A key in memory.
    pub(in crate::keys) struct Drawer {
        place: &'static str,
        key: Secret,
    }

    impl Drawer {
        pub(in crate::keys) fn new(place: &'static str) -> Self {
            Self { place, key: Secret::draw(&SystemRandom::new()).unwrap() }
        }
    }

    impl Keeper for Drawer {
        fn place(&self) -> &str {
            self.place
        }

        fn seal(&self, about: &[u8], message: &[u8]) -> Result<Vec<u8>, KeeperError> {
            Ok(aead::seal(&self.key, about, message, &SystemRandom::new())?)
        }

        fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeeperError> {
            aead::open(&self.key, about, sealed).ok_or_else(|| "it does not open".into())
        }
    }
}
