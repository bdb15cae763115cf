//! What two engines of a group say to each other: frames of one size, sealed for one of them by the other.
//!
//! Each ordered pair has a key of its own: X25519 between the keys that evidence is bound to, HKDF-SHA256 with the group's digest as its
//! salt, over the contract, and who says it to whom. A key is used in one run, by engines that run once. A frame's number is its nonce,
//! so that frames that are changed, dropped, repeated, put in another order or into another pair's way do not open, and the last says
//! that it is the last ([`Frame::End`]), so that frames that were cut off are missed.
//!
//! All frames have one size: whoever carries them sees how many went, and when, and nothing else.

use crate::group::Group;
use crate::hex::Hex;
use crate::hpke::agree;
use crate::release::EngineKey;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use zeroize::Zeroizing;

/// How much a frame carries, with the words on how much of it is filled.
const PLAIN: usize = 64 << 10;
const TAG: usize = 16;
/// What it is, and how much of it is filled.
const HEAD: usize = 1 + 4;

/// The size of every frame, sealed.
pub const FRAME_BYTES: usize = PLAIN + TAG;
/// The most that one frame carries.
pub const FRAME_ROOM: usize = PLAIN - HEAD;

/// What is in a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// More of what the peer says.
    More(&'a [u8]),
    /// The peer has said everything, and it went well.
    End,
}

/// Seals what one engine says to another.
pub struct FrameSealer(Way);

/// Opens what one engine is told by another.
pub struct FrameOpener(Way);

struct Way {
    key: LessSafeKey,
    next: u64,
}

impl Way {
    fn nonce(&mut self) -> Option<Nonce> {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.next.to_be_bytes());
        self.next = self.next.checked_add(1)?;
        Some(Nonce::assume_unique_for_key(nonce))
    }
}

impl EngineKey {
    /// What this engine says to the one with that rank, and what it is told by it, under a contract. None where this engine is not in the group,
    /// where that rank is none or its own, or where the keys agree on nothing.
    #[must_use]
    pub fn frames(&self, group: &Group, contract: Hex<32>, peer: u32) -> Option<(FrameSealer, FrameOpener)> {
        let own = group.place_of(self.identity())?.rank;
        let other = group.members().get(usize::try_from(peer).ok()?)?;
        if peer == own {
            return None;
        }
        let agreed = agree(self.root().sealing(), &other.sealing)?;
        let way = |from: u32, to: u32| {
            let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &group.digest().0);
            let (from, to) = (from.to_be_bytes(), to.to_be_bytes());
            let info = [b"welkin exchange/1\0", &contract.0[..], &from, &to];
            let mut key = Zeroizing::new([0; 32]);
            salt.extract(agreed.expose())
                .expand(&info, hkdf::HKDF_SHA256)
                .and_then(|material| material.fill(key.as_mut()))
                .expect("32 bytes can be had");
            let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).expect("a key of AES-256 has 32 bytes");
            Way { key: LessSafeKey::new(key), next: 0 }
        };
        Some((FrameSealer(way(own, peer)), FrameOpener(way(peer, own))))
    }
}

impl FrameSealer {
    /// The next frame.
    ///
    /// # Panics
    /// Where more is to go into it than [`FRAME_ROOM`], or after 2^64 frames.
    #[must_use]
    pub fn seal(&mut self, frame: &Frame<'_>) -> Vec<u8> {
        let (kind, filled) = match frame {
            Frame::More(filled) => (0, *filled),
            Frame::End => (1, &[][..]),
        };
        assert!(filled.len() <= FRAME_ROOM, "a frame has room for {FRAME_ROOM} bytes");
        let mut bytes = Vec::with_capacity(FRAME_BYTES);
        bytes.push(kind);
        bytes.extend(u32::try_from(filled.len()).expect("it fits").to_be_bytes());
        bytes.extend_from_slice(filled);
        bytes.resize(PLAIN, 0);
        let nonce = self.0.nonce().expect("nobody says so much");
        self.0
            .key
            .seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes)
            .expect("frames are shorter than 64 GiB");
        bytes
    }
}

impl FrameOpener {
    /// Opens the next frame in its place; none where it is not the next, or not whole, or not of this peer.
    #[must_use]
    pub fn open<'a>(&mut self, bytes: &'a mut [u8]) -> Option<Frame<'a>> {
        if bytes.len() != FRAME_BYTES {
            return None;
        }
        let nonce = self.0.nonce()?;
        let plain = self.0.key.open_in_place(nonce, Aad::empty(), bytes).ok()?;
        let (kind, rest) = plain.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let filled = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        match (kind, filled) {
            (0, filled) => Some(Frame::More(filled)),
            (1, []) => Some(Frame::End),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;

    const CONTRACT: Hex<32> = Hex([7; 32]);

    fn three() -> (Vec<EngineKey>, Group) {
        let engines: Vec<_> = (0..3).map(|_| EngineKey::draw(&SystemRandom::new()).unwrap()).collect();
        let members = engines.iter().map(|engine| engine.identity().clone()).collect();
        (engines, Group::new(members).unwrap())
    }

    #[test]
    fn frames_open_once_in_their_order_and_for_their_pair() {
        let (engines, group) = three();
        let of = |from: usize, to: u32| engines[from].frames(&group, CONTRACT, to).unwrap();
        let (mut sealer, _) = of(0, 1);
        let first = sealer.seal(&Frame::More(b"first"));
        let second = sealer.seal(&Frame::More(&[9; FRAME_ROOM]));
        let end = sealer.seal(&Frame::End);
        assert!([&first, &second, &end].iter().all(|frame| frame.len() == FRAME_BYTES));
        let (_, mut opener) = of(1, 0);
        assert_eq!(opener.open(&mut first.clone()), Some(Frame::More(b"first")));
        assert_eq!(opener.open(&mut second.clone()), Some(Frame::More(&[9; FRAME_ROOM])));
        assert_eq!(opener.open(&mut end.clone()), Some(Frame::End));
        // Dropped, repeated, turned around.
        let (_, mut opener) = of(1, 0);
        assert_eq!(opener.open(&mut second.clone()), None);
        let (_, mut opener) = of(1, 0);
        assert!(opener.open(&mut first.clone()).is_some());
        assert_eq!(opener.open(&mut first.clone()), None);
        // To another, from another, back to whoever said it, under another contract, in another group.
        let (_, mut other) = of(2, 0);
        assert_eq!(other.open(&mut first.clone()), None);
        let (_, mut other) = of(1, 2);
        assert_eq!(other.open(&mut first.clone()), None);
        let (_, mut back) = of(0, 1);
        assert_eq!(back.open(&mut first.clone()), None);
        let (_, mut other) = engines[1].frames(&group, Hex([8; 32]), 0).unwrap();
        assert_eq!(other.open(&mut first.clone()), None);
        let mut members = group.members().to_vec();
        members.swap(1, 2);
        let (_, mut other) = engines[1].frames(&Group::new(members).unwrap(), CONTRACT, 0).unwrap();
        assert_eq!(other.open(&mut first.clone()), None);
    }

    #[test]
    fn no_byte_of_a_frame_can_be_changed() {
        let (engines, group) = three();
        let (mut sealer, _) = engines[0].frames(&group, CONTRACT, 1).unwrap();
        let frame = sealer.seal(&Frame::More(b"first"));
        for at in (0..frame.len()).step_by(61).chain(frame.len() - 16..frame.len()) {
            let mut changed = frame.clone();
            changed[at] ^= 1 << (at % 8);
            let (_, mut opener) = engines[1].frames(&group, CONTRACT, 0).unwrap();
            assert_eq!(opener.open(&mut changed), None, "{at}");
        }
        let (_, mut opener) = engines[1].frames(&group, CONTRACT, 0).unwrap();
        assert_eq!(opener.open(&mut frame[..FRAME_BYTES - 1].to_vec()), None);
    }

    #[test]
    fn nobody_outside_of_the_group_has_a_key() {
        let (engines, group) = three();
        assert!(engines[0].frames(&group, CONTRACT, 0).is_none());
        assert!(engines[0].frames(&group, CONTRACT, 3).is_none());
        let outside = EngineKey::draw(&SystemRandom::new()).unwrap();
        assert!(outside.frames(&group, CONTRACT, 0).is_none());
    }
}
