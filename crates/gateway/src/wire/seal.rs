//! Payloads sealed for the last hop, which relays carry and cannot read.
//!
//! The two ends of a lane hold a TLS 1.3 session with each other *through* its relays ([`crate::wire::handshake`]) and take
//! from its exporter one AES-256-GCM key and one 96-bit starting nonce for each direction. From then on every frame
//! of the lane is sealed: frame `n` of a direction under the starting nonce with `n` added by XOR, as TLS does with
//! its records, and with all of the header as associated data.
//!
//! *Guarantee:* a relay learns lengths, kinds and call numbers, and nothing of heads and bodies. What it changes,
//! repeats, drops, reorders or moves to another lane is noticed at the next frame, because a receiver takes only the
//! number that is next, and the lane is closed. No key is used twice: each lane has a handshake of its own.
//!
//! *Bound:* one key seals [`MAX_SEALED_FRAMES`] frames; the lane is then closed and opened anew.
//!
//! *Rejected:* one key for a transfer with random nonces (a lane's order could not be checked, and 2^32 messages are
//! the bound of random nonces too); sealing the body once for all lanes (a repetition would be a valid frame).

use crate::error::LaneError;
use crate::wire::frame::{Header, SEALED, TAG_BYTES};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::fmt;

/// Bytes of key material for one direction.
pub(crate) const SECRET_BYTES: usize = 32 + NONCE_LEN;

/// Frames that one key seals. TLS 1.3 ends a key after 2^24.5 records of 16 KiB, which is 2^34.5 blocks of the cipher
/// (RFC 8446, section 5.5); 2^18 frames of a megabyte are 2^34.
const MAX_SEALED_FRAMES: u64 = 1 << 18;

/// One direction of a lane.
pub(crate) struct Seal {
    key: LessSafeKey,
    start: [u8; NONCE_LEN],
    next: u64,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("key", &"****").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Seal {
    pub(crate) fn new(secret: &[u8; SECRET_BYTES]) -> Result<Self, LaneError> {
        let (key, nonce) = secret.split_at(32);
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| LaneError::Seal)?;
        let mut start = [0; NONCE_LEN];
        start.copy_from_slice(nonce);
        Ok(Self { key: LessSafeKey::new(key), start, next: 0 })
    }

    /// Seals `payload` in place for a header that is complete but for counter, length and sum, and returns the tag.
    pub(crate) fn close(
        &mut self,
        header: &mut Header,
        payload: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], LaneError> {
        header.flags |= SEALED;
        header.payload = u32::try_from(payload.len() + TAG_BYTES).map_err(|_| LaneError::Seal)?;
        header.counter = self.next;
        let nonce = self.nonce()?;
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(header.sealed_part()), payload)
            .map_err(|_| LaneError::Seal)?;
        let mut bytes = [0; TAG_BYTES];
        bytes.copy_from_slice(tag.as_ref());
        Ok(bytes)
    }

    /// Opens `payload` in place, if it is the next of its direction.
    pub(crate) fn open(&mut self, header: &Header, payload: &mut [u8]) -> Result<(), LaneError> {
        if !header.has(SEALED) || header.counter != self.next {
            return Err(LaneError::Seal);
        }
        let nonce = self.nonce()?;
        self.key
            .open_in_place(nonce, Aad::from(header.sealed_part()), payload)
            .map(|_| ())
            .map_err(|_| LaneError::Seal)
    }

    fn nonce(&mut self) -> Result<Nonce, LaneError> {
        if self.next >= MAX_SEALED_FRAMES {
            return Err(LaneError::Rekey);
        }
        let mut nonce = self.start;
        for (byte, count) in nonce[4..].iter_mut().zip(self.next.to_be_bytes()) {
            *byte ^= count;
        }
        self.next += 1;
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

/// Both directions, from where one stands.
#[derive(Debug)]
pub(crate) struct Seals {
    pub(crate) out: Seal,
    pub(crate) back: Seal,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::Kind;

    fn sealed(seal: &mut Seal, text: &[u8]) -> (Header, Vec<u8>) {
        let mut header = Header::bare(Kind::Fault, 7);
        let mut payload = text.to_vec();
        let tag = seal.close(&mut header, &mut payload).unwrap();
        payload.extend_from_slice(&tag);
        (header, payload)
    }

    #[test]
    fn frames_open_once_in_their_order_and_unchanged() {
        let secret = [9; SECRET_BYTES];
        let (mut out, mut back) = (Seal::new(&secret).unwrap(), Seal::new(&secret).unwrap());
        let (first, mut one) = sealed(&mut out, b"one");
        let (second, two) = sealed(&mut out, b"two");
        assert_ne!(&one[..3], b"one");
        assert!(back.open(&second, &mut two.clone()).is_err(), "reordered");
        back.open(&first, &mut one).unwrap();
        assert_eq!(&one[..3], b"one");
        assert!(back.open(&first, &mut one).is_err(), "repeated");
        let moved = Header { id: 8, ..second };
        assert!(
            Seal { next: 1, ..Seal::new(&secret).unwrap() }.open(&moved, &mut two.clone()).is_err(),
            "moved"
        );
        back.open(&second, &mut two.clone()).unwrap();
    }

    #[test]
    fn keys_are_not_shown_and_do_not_last_for_ever() {
        let mut seal = Seal::new(&[b'k'; SECRET_BYTES]).unwrap();
        assert!(!format!("{seal:?}").contains("107"));
        seal.next = MAX_SEALED_FRAMES;
        let used_up = seal.close(&mut Header::bare(Kind::Ping, 0), &mut []);
        assert!(matches!(used_up, Err(LaneError::Rekey)), "which is no tampering");
    }
}
