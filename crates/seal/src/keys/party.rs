//! What a party is: a name, a key that it signs with, and a key that others seal for.

use crate::canonical::{self, FileError, Kind};
use crate::hex::Hex;
use crate::hpke::public_key;
use crate::name::Name;
use crate::secret::{NoRandomness, Secret};
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The secrets of a party.
#[derive(Debug, Clone)]
pub struct Root {
    identity: Identity,
    signing: Secret,
    sealing: Secret,
}

/// What others know of a party. It proves that one holder has both keys and took the name; that the party is who it says is for
/// people to compare, by the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The name it goes by.
    pub party: Name,
    /// Ed25519.
    pub signing: Hex<32>,
    /// X25519.
    pub sealing: Hex<32>,
    /// Ed25519 over name and keys.
    proof: Hex<64>,
}

/// Why a file is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Name or keys were changed.
    #[error("the identity of `{0}` is not signed by its own key")]
    Proof(Name),
}

impl Kind for Identity {
    const SCHEMA: &'static str = "welkin.party/1";
    /// Name, two keys, a signature.
    const MOST_BYTES: usize = 4 << 10;
}

#[derive(Serialize)]
struct Claimed<'a> {
    party: &'a Name,
    signing: Hex<32>,
    sealing: Hex<32>,
}

impl Identity {
    /// Reads an identity, and checks that it is its own.
    ///
    /// # Errors
    /// Where it is not.
    pub fn read(bytes: &[u8]) -> Result<Self, IdentityError> {
        canonical::read::<Self>(bytes)?.checked()
    }

    pub(crate) fn checked(self) -> Result<Self, IdentityError> {
        if self.verifies(&self.claimed(), &self.proof) {
            Ok(self)
        } else {
            Err(IdentityError::Proof(self.party))
        }
    }

    /// A file for others.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        canonical::write(self)
    }

    /// What people compare: the first 16 bytes of SHA-256 over name and keys.
    #[must_use]
    pub fn fingerprint(&self) -> Hex<16> {
        let digest = canonical::digest(&self.claimed());
        Hex(*digest.0.first_chunk().expect("a digest has 32 bytes"))
    }

    /// Seals a message that only this party opens; `info` says what it is for, `about` what it is about. `None` for a key that
    /// no secret belongs to.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn seal(
        &self,
        info: &[u8],
        about: &[u8],
        message: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, NoRandomness> {
        crate::hpke::seal(&self.sealing, info, about, message, random)
    }

    /// Did this party sign the message?
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &Hex<64>) -> bool {
        verifies(&self.signing, message, signature)
    }

    fn claimed(&self) -> Vec<u8> {
        let Self { party, signing, sealing, .. } = self;
        canonical::message("welkin party/1", &Claimed { party, signing: *signing, sealing: *sealing })
    }
}

impl Root {
    /// New keys for a party.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn draw(party: Name, random: &dyn SecureRandom) -> Result<Self, NoRandomness> {
        Ok(Self::new(party, Secret::draw(random)?, Secret::draw(random)?))
    }

    fn new(party: Name, signing: Secret, sealing: Secret) -> Self {
        let sealing = sealing.clamped();
        let pair = pair(&signing);
        let mut public = Hex([0; 32]);
        public.0.copy_from_slice(pair.public_key().as_ref());
        let mut identity =
            Identity { party, signing: public, sealing: public_key(&sealing), proof: Hex([0; 64]) };
        identity.proof = sign(&pair, &identity.claimed());
        Self { identity, signing, sealing }
    }

    /// What others may know.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Opens what was sealed for this party.
    #[must_use]
    pub fn open(&self, info: &[u8], about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        crate::hpke::open(&self.sealing, info, about, sealed)
    }

    /// Signs a message that begins with the name of its kind.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Hex<64> {
        sign(&pair(&self.signing), message)
    }

    /// What others seal for, for whoever agrees with them on a key.
    pub(crate) fn sealing(&self) -> &Secret {
        &self.sealing
    }

    /// Both secrets, for the file.
    pub(super) fn expose(&self) -> Zeroizing<[u8; 64]> {
        let mut bytes = Zeroizing::new([0; 64]);
        bytes[..32].copy_from_slice(self.signing.expose());
        bytes[32..].copy_from_slice(self.sealing.expose());
        bytes
    }

    /// The root whose secrets these are, if they belong to `identity`.
    pub(super) fn restore(identity: &Identity, secrets: &[u8]) -> Option<Self> {
        let secrets: &[u8; 64] = secrets.try_into().ok()?;
        let (signing, sealing) = secrets.split_at(32);
        let root =
            Self::new(identity.party.clone(), Secret::from_slice(signing)?, Secret::from_slice(sealing)?);
        (root.identity == *identity && *root.expose() == *secrets).then_some(root)
    }
}

/// Did whoever has this key sign the message?
pub(crate) fn verifies(signing: &Hex<32>, message: &[u8], signature: &Hex<64>) -> bool {
    UnparsedPublicKey::new(&ED25519, signing.0).verify(message, &signature.0).is_ok()
}

fn pair(signing: &Secret) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(signing.expose()).expect("a seed has 32 bytes")
}

fn sign(pair: &Ed25519KeyPair, message: &[u8]) -> Hex<64> {
    let mut signature = Hex([0; 64]);
    signature.0.copy_from_slice(pair.sign(message).as_ref());
    signature
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    #[test]
    fn no_byte_of_an_identity_can_be_changed() {
        let root = Root::draw("a".parse().unwrap(), &SystemRandom::new()).unwrap();
        let bytes = root.identity().write();
        assert_eq!(Identity::read(&bytes).unwrap(), *root.identity());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(Identity::read(&changed).is_err(), "byte {at}, bit {bit}");
            }
        }
    }
}
