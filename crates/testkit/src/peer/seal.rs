//! The handshake through relays, and what it seals.

use super::frame::{Frame, Kind, SEALED};
use super::key::Key;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;

/// Bytes of a direction's secret: a key and where its nonces start.
const SECRET: usize = 32 + NONCE_LEN;

/// A sealed lane, from the caller's side.
pub struct Seal {
    out: Direction,
    back: Direction,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

struct Direction {
    key: LessSafeKey,
    start: [u8; NONCE_LEN],
    count: u64,
}

impl Direction {
    fn new(secret: &[u8]) -> Self {
        let (key, start) = secret.split_at(32);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes"));
        Self { key, start: start.try_into().expect("twelve bytes are left"), count: 0 }
    }

    fn nonce(&mut self) -> Nonce {
        let mut nonce = self.start;
        for (byte, count) in nonce[4..].iter_mut().zip(self.count.to_be_bytes()) {
            *byte ^= count;
        }
        self.count += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

impl Seal {
    /// The next flight of a handshake that `session` has to send, if any.
    fn flight(session: &mut ClientConnection) -> io::Result<Vec<u8>> {
        let mut flight = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut flight)?;
        }
        Ok(flight)
    }

    /// Shakes hands through a lane: `send` and `next` move frames.
    pub(super) async fn shake(caller: &mut super::Caller, key: &Key, roles: &[&str]) -> io::Result<Self> {
        let name = ServerName::try_from("welkin").map_err(io::Error::other)?;
        let mut session = ClientConnection::new(key.calling(roles), name).map_err(io::Error::other)?;
        loop {
            let flight = Self::flight(&mut session)?;
            if !flight.is_empty() {
                caller.send(&Frame { payload: flight, ..Frame::bare(Kind::Shake) }).await?;
            }
            if !session.is_handshaking() {
                break;
            }
            let frame = caller.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if frame.kind != Kind::Shake {
                return Err(io::Error::other(format!("kind {}: {}", frame.kind, frame.text())));
            }
            let mut bytes = frame.payload.as_slice();
            while !bytes.is_empty() {
                session.read_tls(&mut bytes)?;
                session.process_new_packets().map_err(io::Error::other)?;
            }
        }
        let label = b"EXPORTER-welkin-lane-2";
        let both = session.export_keying_material([0; 2 * SECRET], label, None).map_err(io::Error::other)?;
        let (out, back) = both.split_at(SECRET);
        Ok(Self { out: Direction::new(out), back: Direction::new(back) })
    }

    /// Seals a frame as the next of its direction.
    #[must_use]
    pub fn close(&mut self, frame: &Frame) -> Frame {
        let mut sealed = Frame { flags: frame.flags | SEALED, counter: self.out.count, ..frame.clone() };
        let covered = sealed.covered(sealed.payload.len() + 16);
        let nonce = self.out.nonce();
        let sealing = self.out.key.seal_in_place_append_tag(nonce, Aad::from(covered), &mut sealed.payload);
        sealing.expect("a frame is short enough");
        sealed
    }

    /// Opens the next frame; `None` where it is not what was sealed.
    #[must_use]
    pub fn open(&mut self, frame: &Frame) -> Option<Frame> {
        let covered = frame.covered(frame.payload.len());
        let mut opened = frame.clone();
        let nonce = self.back.nonce();
        let length = self.back.key.open_in_place(nonce, Aad::from(covered), &mut opened.payload).ok()?.len();
        opened.payload.truncate(length);
        Some(opened)
    }
}
