//! HPKE: a message for whoever holds a key, from anybody.
//!
//! RFC 9180 in its base mode, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, one message for each encapsulated
//! key. HKDF and AES are ring's; X25519 is curve25519-dalek's, since ring does not agree with keys that last.
//!
//! *Rejected:* a crate for it, which brings a second set of primitives along, and the other modes and suites, which nobody
//! here needs.

use crate::hex::Hex;
use crate::secret::{NoRandomness, Secret};
use curve25519_dalek::MontgomeryPoint;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::SecureRandom;
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

/// DHKEM(X25519, HKDF-SHA256).
const KEM: &[u8] = b"KEM\x00\x20";
/// The same, HKDF-SHA256, AES-256-GCM.
const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";
const MODE_BASE: u8 = 0;
const TAG_BYTES: usize = 16;

/// The X25519 key that belongs to a secret.
pub(crate) fn public_key(secret: &Secret) -> Hex<32> {
    Hex(MontgomeryPoint::mul_base_clamped(*secret.expose()).to_bytes())
}

/// Seals a message for the holder of `to`; `info` says what it is for and `about` what it is about, and whoever opens it has to
/// say the same. The encapsulated key stands in front.
///
/// # Errors
/// Where there are no random numbers.
pub(crate) fn seal(
    to: &Hex<32>,
    info: &[u8],
    about: &[u8],
    message: &[u8],
    random: &dyn SecureRandom,
) -> Result<Option<Vec<u8>>, NoRandomness> {
    Ok(seal_with(&Secret::draw(random)?, to, info, about, message))
}

/// `None` where `to` is one of the few points that agree on zero with everybody.
fn seal_with(ephemeral: &Secret, to: &Hex<32>, info: &[u8], about: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let encapsulated = public_key(ephemeral);
    let shared = shared_secret(ephemeral, to, &encapsulated, to)?;
    let (key, nonce) = schedule(&shared, info);
    let mut sealed = message.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(about), &mut sealed).ok()?;
    Some([&encapsulated.0, &sealed[..], tag.as_ref()].concat())
}

/// Opens a message with the secret of the key that it was sealed for; `None` where anything differs.
pub(crate) fn open(secret: &Secret, info: &[u8], about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (encapsulated, sealed) = sealed.split_first_chunk::<32>()?;
    if sealed.len() < TAG_BYTES {
        return None;
    }
    let encapsulated = Hex(*encapsulated);
    let shared = shared_secret(secret, &encapsulated, &encapsulated, &public_key(secret))?;
    let (key, nonce) = schedule(&shared, info);
    let mut message = Zeroizing::new(sealed.to_vec());
    let length = key.open_in_place(nonce, Aad::from(about), &mut message).ok()?.len();
    message.truncate(length);
    Some(message)
}

/// What two keys agree on; none where the other is one of the few points that agree on zero with everybody.
pub(crate) fn agree(mine: &Secret, theirs: &Hex<32>) -> Option<Secret> {
    let agreed = Zeroizing::new(MontgomeryPoint(theirs.0).mul_clamped(*mine.expose()).to_bytes());
    // RFC 9180, 7.1.4: a point of small order agrees on zero.
    if agreed.iter().all(|byte| *byte == 0) { None } else { Some(Secret::new(*agreed)) }
}

/// RFC 9180, 4.1: the secret that both sides extract from what they agree on.
fn shared_secret(mine: &Secret, theirs: &Hex<32>, encapsulated: &Hex<32>, to: &Hex<32>) -> Option<Secret> {
    let agreed = agree(mine, theirs)?;
    let extracted = extract(KEM, b"", b"eae_prk", agreed.expose());
    let context = [encapsulated.0, to.0].concat();
    Some(Secret::new(expand(KEM, &extracted, b"shared_secret", &context)))
}

/// RFC 9180, 5.1, without a pre-shared key.
fn schedule(shared: &Secret, info: &[u8]) -> (LessSafeKey, Nonce) {
    let none = extract(SUITE, b"", b"psk_id_hash", b"");
    let info = extract(SUITE, b"", b"info_hash", info);
    let context = [&[MODE_BASE], none.as_ref(), info.as_ref()].concat();
    let secret = extract(SUITE, shared.expose(), b"secret", b"");
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(expand(SUITE, &secret, b"key", &context));
    let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("a key of AES-256 has 32 bytes");
    // The first message has the number 0, which leaves the nonce as it is.
    (LessSafeKey::new(key), Nonce::assume_unique_for_key(expand(SUITE, &secret, b"base_nonce", &context)))
}

/// `LabeledExtract`.
fn extract(suite: &[u8], salt: &[u8], label: &[u8], material: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
    for part in [&b"HPKE-v1"[..], suite, label, material] {
        context.update(part);
    }
    context.sign()
}

/// How many bytes to expand to.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// `LabeledExpand`.
fn expand<const N: usize>(suite: &[u8], secret: &hmac::Tag, label: &[u8], context: &[u8]) -> [u8; N] {
    let length = u16::try_from(N).expect("nobody expands to more than 64 KiB").to_be_bytes();
    let info = [&length[..], b"HPKE-v1", suite, label, context];
    let mut bytes = [0; N];
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret.as_ref())
        .expand(&info, Length(N))
        .and_then(|material| material.fill(&mut bytes))
        .expect("255 times 32 bytes can be had");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::from_hex;

    /// From the test vectors of RFC 9180: mode 0, kem 32, kdf 1, aead 2, the message with the number 0.
    const VECTOR: [&str; 6] = [
        "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
        "179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11",
        "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
        "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
        "4265617574792069732074727574682c20747275746820626561757479",
        "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a",
    ];
    const INFO: &[u8] = b"Ode on a Grecian Urn";
    const ABOUT: &[u8] = b"Count-0";

    #[test]
    fn the_message_of_the_rfc_is_sealed_and_opened() {
        let [recipient, ephemeral, to, encapsulated, message, sealed] =
            VECTOR.map(|text| from_hex(text).unwrap());
        let (recipient, ephemeral) =
            (Secret::from_slice(&recipient).unwrap(), Secret::from_slice(&ephemeral).unwrap());
        let to = Hex(to.try_into().unwrap());
        assert_eq!(public_key(&recipient), to);
        let expected = [encapsulated, sealed].concat();
        assert_eq!(seal_with(&ephemeral, &to, INFO, ABOUT, &message).unwrap(), expected);
        assert_eq!(*open(&recipient, INFO, ABOUT, &expected).unwrap(), message);
    }

    #[test]
    fn nothing_that_differs_is_opened() {
        let secret = Secret::new([7; 32]);
        let random = ring::rand::SystemRandom::new();
        let sealed = seal(&public_key(&secret), INFO, ABOUT, b"secret", &random).unwrap().unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << (at % 8);
            let opened = open(&secret, INFO, ABOUT, &changed);
            // The highest bit of an X25519 key is passed over; as a part of the context it counts all the same.
            assert!(opened.is_none(), "{at}");
            assert!(open(&secret, INFO, ABOUT, &sealed[..at]).is_none(), "cut at {at}");
        }
        assert!(open(&Secret::new([8; 32]), INFO, ABOUT, &sealed).is_none());
        assert!(open(&secret, b"", ABOUT, &sealed).is_none());
        assert!(open(&secret, INFO, b"", &sealed).is_none());
    }

    #[test]
    fn points_that_agree_on_zero_are_refused() {
        assert_eq!(seal_with(&Secret::new([7; 32]), &Hex([0; 32]), INFO, ABOUT, b"secret"), None);
        assert!(open(&Secret::new([7; 32]), INFO, ABOUT, &[0; 64]).is_none());
    }
}
