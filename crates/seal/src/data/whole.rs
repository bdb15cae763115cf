//! A file that is sealed as a whole, with one key: what is no table, such as a model.

use crate::aead;
use crate::canonical;
use crate::name::Name;
use crate::secret::{NoRandomness, Secret};
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

/// What the file is bound to, and does not say of itself: whose it is, of which version, and which one.
fn about(party: &Name, name: &Name, version: u64, file: &str) -> Vec<u8> {
    canonical::message("welkin whole/1", &(party, name, version, file))
}

/// Seals a file of less than 64 GiB.
///
/// # Errors
/// Where there are no random numbers.
pub fn seal_whole(
    key: &Secret,
    (party, name, version, file): (&Name, &Name, u64, &str),
    bytes: &[u8],
    random: &dyn SecureRandom,
) -> Result<Vec<u8>, NoRandomness> {
    aead::seal(key, &about(party, name, version, file), bytes, random)
}

/// Opens a file that was sealed as this one; `None` where it was not, or was changed.
#[must_use]
pub fn open_whole(
    key: &Secret,
    (party, name, version, file): (&Name, &Name, u64, &str),
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    aead::open(key, &about(party, name, version, file), sealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    #[test]
    fn a_file_opens_as_what_it_is_and_as_nothing_else() {
        let [a, b]: [Name; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let (key, other) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let sealed = seal_whole(&key, (&a, &b, 1, "m"), b"model", &SystemRandom::new()).unwrap();
        assert_eq!(&open_whole(&key, (&a, &b, 1, "m"), &sealed).unwrap()[..], b"model");
        for of in [(&b, &b, 1, "m"), (&a, &a, 1, "m"), (&a, &b, 2, "m"), (&a, &b, 1, "n")] {
            assert!(open_whole(&key, of, &sealed).is_none(), "{of:?}");
        }
        assert!(open_whole(&other, (&a, &b, 1, "m"), &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open_whole(&key, (&a, &b, 1, "m"), &changed).is_none(), "{at}");
            assert!(open_whole(&key, (&a, &b, 1, "m"), &sealed[..at]).is_none(), "{at}");
        }
    }
}
