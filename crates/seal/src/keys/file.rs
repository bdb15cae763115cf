//! The file that a root lies in: as it is, for a folder that nobody else can read, under a passphrase, or under a key that somebody
//! else keeps.

use super::keeper::{Keeper, KeeperError};
use super::party::{Identity, IdentityError, Root};
use crate::aead;
use crate::canonical::{self, FileError, Kind};
use crate::hex::HexBytes;
use crate::secret::{NoRandomness, Secret, draw};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// How the secrets in a file are kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Only by whoever may read the file.
    FileMode,
    /// By a passphrase as well: Argon2id over 64 MiB, three passes, one lane. Costs are a part of the name, so that no file
    /// can ask for more.
    #[serde(rename = "argon2id-64m-3-1")]
    Passphrase,
    /// By a key of a PKCS#11 token.
    #[serde(rename = "pkcs11")]
    Token,
}

/// A file with a root in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// Whose.
    pub identity: Identity,
    /// How it is kept.
    pub protection: Protection,
    /// Where the key of the token is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// As they are, or salt and what is sealed, or what the token made of them.
    secrets: HexBytes,
}

/// Why a root cannot be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The identity in it is not its own.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A passphrase is needed.
    #[error("the keys of `{0}` are protected by a passphrase")]
    Protected(crate::name::Name),
    /// A passphrase is there, and is not needed.
    #[error("the keys of `{0}` are not protected by a passphrase")]
    Open(crate::name::Name),
    /// A token has to be asked.
    #[error("the keys of `{0}` are sealed by a token")]
    Kept(crate::name::Name),
    /// The token does not do it.
    #[error("the token of `{party}` cannot be used")]
    Keeper {
        /// Whose keys it seals.
        party: crate::name::Name,
        /// What it says.
        #[source]
        source: KeeperError,
    },
    /// The passphrase is another, or the file was changed.
    #[error("the passphrase is wrong, or the key file was changed")]
    Wrong,
    /// The secrets are not those of the identity.
    #[error("the secrets in the key file of `{0}` are not those of its keys: it was changed")]
    Changed(crate::name::Name),
    /// Nothing is as good as no passphrase.
    #[error("the passphrase is empty")]
    Empty,
    /// There are no random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Kind for KeyFile {
    const SCHEMA: &'static str = "welkin.key/1";
    /// An identity, 92 bytes in hexadecimal digits, and where a token's key is.
    const MOST_BYTES: usize = 8 << 10;
}

impl KeyFile {
    /// Puts a root into a file.
    ///
    /// # Errors
    /// Where the passphrase is empty, or there are no random numbers.
    pub fn new(root: &Root, passphrase: Option<&[u8]>, random: &dyn SecureRandom) -> Result<Self, KeyError> {
        let identity = root.identity().clone();
        let (protection, secrets) = match passphrase {
            None => (Protection::FileMode, root.expose().to_vec()),
            Some([]) => return Err(KeyError::Empty),
            Some(passphrase) => {
                let salt: [u8; SALT_BYTES] = draw(random)?;
                let key = stretch(passphrase, &salt);
                let sealed = aead::seal(&key, &about(&identity), root.expose().as_ref(), random)?;
                (Protection::Passphrase, [&salt, &sealed[..]].concat())
            }
        };
        Ok(Self { identity, protection, place: None, secrets: HexBytes(secrets) })
    }

    /// Puts a root into a file, sealed by a key that `keeper` has.
    ///
    /// # Errors
    /// Where the keeper does not do it.
    pub fn kept(root: &Root, keeper: &dyn Keeper) -> Result<Self, KeyError> {
        let (identity, place) = (root.identity().clone(), keeper.place().to_owned());
        let sealed = keeper.seal(&about_kept(&identity, &place), root.expose().as_ref());
        let secrets =
            HexBytes(sealed.map_err(|source| KeyError::Keeper { party: identity.party.clone(), source })?);
        Ok(Self { identity, protection: Protection::Token, place: Some(place), secrets })
    }

    /// Reads a file; what is secret in it is opened by [`KeyFile::unlock`].
    ///
    /// # Errors
    /// Where it was changed.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let file: Self = canonical::read(bytes)?;
        file.identity.clone().checked()?;
        if file.place.is_some() == (file.protection == Protection::Token) {
            Ok(file)
        } else {
            Err(FileError::Spelling.into())
        }
    }

    /// The file's bytes.
    #[must_use]
    pub fn write(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(canonical::write(self))
    }

    /// The root in it.
    ///
    /// # Errors
    /// Where the passphrase is missing or wrong, or the file was changed.
    pub fn unlock(&self, passphrase: Option<&[u8]>) -> Result<Root, KeyError> {
        let party = || self.identity.party.clone();
        let secrets = match (self.protection, passphrase) {
            (Protection::FileMode, None) => Zeroizing::new(self.secrets.0.clone()),
            (Protection::FileMode, Some(_)) => return Err(KeyError::Open(party())),
            (Protection::Token, _) => return Err(KeyError::Kept(party())),
            (Protection::Passphrase, None) => return Err(KeyError::Protected(party())),
            (Protection::Passphrase, Some(passphrase)) => {
                let (salt, sealed) = self.secrets.0.split_first_chunk().ok_or(KeyError::Wrong)?;
                aead::open(&stretch(passphrase, salt), &about(&self.identity), sealed)
                    .ok_or(KeyError::Wrong)?
            }
        };
        Root::restore(&self.identity, &secrets).ok_or_else(|| KeyError::Changed(party()))
    }

    /// The root in a file that was [kept](Self::kept).
    ///
    /// # Errors
    /// Where the keeper does not open it, is at another place, or the file was changed.
    pub fn unlock_by(&self, keeper: &dyn Keeper) -> Result<Root, KeyError> {
        let party = || self.identity.party.clone();
        let Some(place) = &self.place else { return Err(KeyError::Open(party())) };
        let opened = keeper.open(&about_kept(&self.identity, place), &self.secrets.0);
        let secrets = opened.map_err(|source| KeyError::Keeper { party: party(), source })?;
        Root::restore(&self.identity, &secrets).ok_or_else(|| KeyError::Changed(party()))
    }
}

/// What the token seals about: the place too, so that nobody is sent to another module unseen.
fn about_kept(identity: &Identity, place: &str) -> Vec<u8> {
    canonical::message("welkin key in a token/1", &(identity, place))
}

fn about(identity: &Identity) -> Vec<u8> {
    canonical::message("welkin key/1", identity)
}

/// Blocks of 1 KiB.
const MEMORY: u32 = 64 << 10;
const PASSES: u32 = 3;
const SALT_BYTES: usize = 16;

fn stretch(passphrase: &[u8], salt: &[u8; SALT_BYTES]) -> Secret {
    let params = Params::new(MEMORY, PASSES, 1, Some(32)).expect("the costs are within Argon2's bounds");
    let mut memory = vec![Block::new(); params.block_count()];
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, key.as_mut(), &mut memory)
        .expect("salt and key have lengths that Argon2 takes");
    Secret::new(*key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::to_hex;
    use crate::keys::keeper::tests::Drawer;
    use crate::name::Name;
    use ring::rand::SystemRandom;

    fn root() -> Root {
        Root::draw("a".parse::<Name>().unwrap(), &SystemRandom::new()).unwrap()
    }

    #[test]
    fn a_root_comes_back_out_of_its_file() {
        let (root, random) = (root(), SystemRandom::new());
        for passphrase in [None, Some(&b"correct horse"[..])] {
            let bytes = KeyFile::new(&root, passphrase, &random).unwrap().write();
            let read = KeyFile::read(&bytes).unwrap().unlock(passphrase).unwrap();
            assert_eq!(*read.expose(), *root.expose());
        }
        assert!(matches!(KeyFile::new(&root, Some(b""), &random), Err(KeyError::Empty)));
    }

    #[test]
    fn a_passphrase_is_needed_where_there_is_one_and_only_there() {
        let (root, random) = (root(), SystemRandom::new());
        let open = KeyFile::new(&root, None, &random).unwrap();
        let kept = KeyFile::new(&root, Some(b"correct horse"), &random).unwrap();
        assert!(matches!(open.unlock(Some(b"x")), Err(KeyError::Open(_))));
        assert!(matches!(kept.unlock(None), Err(KeyError::Protected(_))));
        assert!(matches!(kept.unlock(Some(b"x")), Err(KeyError::Wrong)));
        let text = String::from_utf8(kept.write().to_vec()).unwrap();
        assert!(!text.contains(&to_hex(&root.expose()[..32])), "a secret lies in the open");
    }

    #[test]
    fn no_byte_of_an_open_key_file_can_be_changed() {
        let bytes = KeyFile::new(&root(), None, &SystemRandom::new()).unwrap().write();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                let root = KeyFile::read(&changed).and_then(|file| file.unlock(None));
                assert!(root.is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn no_byte_of_a_kept_key_file_can_be_changed() {
        // Each try costs Argon2; what reading refuses is not tried further.
        let file = KeyFile::new(&root(), Some(b"correct horse"), &SystemRandom::new()).unwrap();
        let (salt, _) = file.secrets.0.split_first_chunk().unwrap();
        let key = stretch(b"correct horse", salt);
        let bytes = file.write();
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            let Ok(read) = KeyFile::read(&changed) else { continue };
            let (other_salt, sealed) = read.secrets.0.split_first_chunk().unwrap();
            let opens = salt == other_salt && aead::open(&key, &about(&read.identity), sealed).is_some();
            assert!(!opens, "byte {at}");
        }
    }

    #[test]
    fn a_keeper_seals_and_opens_at_its_place() {
        let (root, drawer) = (root(), Drawer::new("drawer:1"));
        let kept = KeyFile::kept(&root, &drawer).unwrap();
        let read = KeyFile::read(&kept.write()).unwrap();
        assert_eq!(*read.unlock_by(&drawer).unwrap().expose(), *root.expose());
        assert!(matches!(read.unlock(None), Err(KeyError::Kept(_))));
        assert!(matches!(read.unlock(Some(b"x")), Err(KeyError::Kept(_))));
        assert!(matches!(read.unlock_by(&Drawer::new("drawer:1")), Err(KeyError::Keeper { .. })));
        let open = KeyFile::new(&root, None, &SystemRandom::new()).unwrap();
        assert!(matches!(open.unlock_by(&drawer), Err(KeyError::Open(_))));
        // A place that the keeper was not asked for, and a kind without one.
        let elsewhere = KeyFile { place: Some("drawer:2".to_owned()), ..kept.clone() };
        assert!(matches!(elsewhere.unlock_by(&drawer), Err(KeyError::Keeper { .. })));
        for (protection, place) in [(Protection::Token, None), (Protection::FileMode, kept.place.clone())] {
            let odd = KeyFile { protection, place, ..kept.clone() }.write();
            assert!(matches!(KeyFile::read(&odd), Err(KeyError::File(FileError::Spelling))));
        }
    }

    #[test]
    fn no_byte_of_a_key_file_of_a_token_can_be_changed() {
        let drawer = Drawer::new("drawer:1");
        let bytes = KeyFile::kept(&root(), &drawer).unwrap().write();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.to_vec();
                changed[at] ^= 1 << bit;
                let root = KeyFile::read(&changed).and_then(|file| file.unlock_by(&drawer));
                assert!(root.is_err(), "byte {at}, bit {bit}");
            }
        }
    }
}
