//! AES-256-GCM with a nonce in front: a small message for whoever has the key.

use crate::secret::{NoRandomness, Secret, draw};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

fn key(key: &Secret) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of AES-256 has 32 bytes"))
}

/// Seals, and binds to `about`. A key takes 2^32 messages; those here seal a few hundred.
pub(crate) fn seal(
    with: &Secret,
    about: &[u8],
    message: &[u8],
    random: &dyn SecureRandom,
) -> Result<Vec<u8>, NoRandomness> {
    let nonce: [u8; NONCE_LEN] = draw(random)?;
    let mut sealed = message.to_vec();
    let tag = key(with)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut sealed)
        .expect("messages are shorter than 64 GiB");
    Ok([&nonce, &sealed[..], tag.as_ref()].concat())
}

/// Opens what was sealed about the same; `None` where anything differs.
pub(crate) fn open(with: &Secret, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut message = Zeroizing::new(sealed.to_vec());
    let length = key(with).open_in_place(nonce, Aad::from(about), &mut message).ok()?.len();
    message.truncate(length);
    Some(message)
}
