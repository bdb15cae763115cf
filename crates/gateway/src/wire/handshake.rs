//! The handshake between the two ends of a lane, through its relays.
//!
//! A TLS 1.3 handshake with certificates on both sides, whose bytes travel as the payloads of [`Kind::Shake`] frames.
//! No application data goes through this session. Once it stands, its exporter (RFC 8446, section 7.5) gives the keys
//! with which both ends seal the frames of this lane and of no other.
//!
//! *Rejected:* running all of the lane through the inner session: its records of 16 KiB would have to be taken apart
//! and joined once more, and frames could not be written from blocks and read into them.

use crate::error::LaneError;
use crate::trust::certificates;
use crate::trust::identity::{Fingerprint, Identity};
use crate::trust::role::Role;
use crate::wire::batch::send;
use crate::wire::frame::{FrameError, Kind, MAX_WORDS_BYTES};
use crate::wire::reader::FrameReader;
use crate::wire::seal::{SECRET_BYTES, Seal, Seals};
use crate::wire::stream::{self, REACH_TIME};
use rustls::{ClientConnection, ConnectionCommon, ServerConfig, ServerConnection};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

/// What the keys are for (RFC 5705 asks for a label of one's own).
const LABEL: &[u8] = b"EXPORTER-welkin-lane-2";

/// Longest flight of a handshake: two certificates of a kilobyte, with room.
const MAX_FLIGHT_BYTES: usize = MAX_WORDS_BYTES;

/// Most flights of a handshake: TLS 1.3 has three, and one more when the first guess at a group is wrong.
const MAX_FLIGHTS: usize = 8;

/// As the one who called.
pub(crate) async fn call(
    identity: &Identity,
    far: Fingerprint,
    reader: &mut FrameReader<impl AsyncRead + Unpin>,
    output: &mut (impl AsyncWrite + Unpin),
) -> Result<(Seals, Late), LaneError> {
    let config = certificates::client(identity, far, Role::End)?;
    let mut session = ClientConnection::new(config, certificates::name()).map_err(refused)?;
    // Before there are keys, whatever ends the handshake may be the relay's doing.
    let shaken = within_time(shake(&mut session, reader, output, None)).await;
    shaken.and_then(|()| Role::End.require(&session)).map_err(LaneError::hearsay)?;
    let (there, back) = secrets(&session)?;
    Ok((Seals { out: Seal::new(&there)?, back: Seal::new(&back)? }, Late(session)))
}

/// A session with the far end after its handshake, as the one who called has it.
#[derive(Debug)]
pub(crate) struct Late(ClientConnection);

impl Late {
    /// What a flight means that comes after the handshake: the far end looks at our certificate last, and says under
    /// the session's own keys that it does not know it. Anything else a relay may have made up.
    pub(crate) fn meaning(&mut self, mut flight: &[u8]) -> LaneError {
        while !flight.is_empty() && self.0.read_tls(&mut flight).is_ok() {
            match self.0.process_new_packets() {
                Ok(_) => {}
                Err(rustls::Error::AlertReceived(_)) => {
                    let why = "no session with the far end: it does not know this certificate";
                    return LaneError::Refused(why.to_owned());
                }
                Err(_) => break,
            }
        }
        LaneError::Hearsay("no session with the far end".to_owned())
    }
}

/// As the one who was called, with the first flight.
pub(crate) async fn answer(
    config: Arc<ServerConfig>,
    first: &[u8],
    reader: &mut FrameReader<impl AsyncRead + Unpin>,
    output: &mut (impl AsyncWrite + Unpin),
) -> Result<(Seals, Fingerprint), LaneError> {
    let mut session = ServerConnection::new(config).map_err(refused)?;
    within_time(shake(&mut session, reader, output, Some(first))).await?;
    Role::End.require(&session)?;
    let (there, back) = secrets(&session)?;
    let seals = Seals { out: Seal::new(&back)?, back: Seal::new(&there)? };
    Ok((seals, stream::peer(&session)?))
}

async fn within_time(shaken: impl Future<Output = Result<(), LaneError>>) -> Result<(), LaneError> {
    timeout(REACH_TIME, shaken).await.map_err(|_| LaneError::Silent(REACH_TIME.as_secs()))?
}

async fn shake<C, D>(
    session: &mut C,
    reader: &mut FrameReader<impl AsyncRead + Unpin>,
    output: &mut (impl AsyncWrite + Unpin),
    first: Option<&[u8]>,
) -> Result<(), LaneError>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: rustls::SideData,
{
    let mut outcome = first.map_or(Ok(()), |first| take(session, first));
    for _ in 0..MAX_FLIGHTS {
        let mut flight = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut flight).map_err(LaneError::Io)?;
        }
        if !flight.is_empty() {
            // Also what says that the other side is refused.
            send(output, Kind::Shake, &flight).await?;
        }
        outcome?;
        if !session.is_handshaking() {
            return Ok(());
        }
        let (header, payload) = reader.small(MAX_FLIGHT_BYTES).await?;
        outcome = match header.kind {
            Kind::Shake => take(session, &payload),
            Kind::Fault => Err(LaneError::told(header.id, &payload)),
            _ => Err(FrameError::Malformed("it comes in the middle of a handshake").into()),
        };
    }
    Err(FrameError::Malformed("its handshake does not end").into())
}

fn take<C, D>(session: &mut C, mut flight: &[u8]) -> Result<(), LaneError>
where
    C: DerefMut<Target = ConnectionCommon<D>>,
    D: rustls::SideData,
{
    while !flight.is_empty() {
        session.read_tls(&mut flight).map_err(LaneError::Io)?;
        session.process_new_packets().map_err(refused)?;
    }
    Ok(())
}

fn refused(error: rustls::Error) -> LaneError {
    LaneError::Refused(format!("no session with the far end: {error}"))
}

type Secret = [u8; SECRET_BYTES];

/// Of the two directions: from the caller, and back.
fn secrets<D>(session: &impl Deref<Target = ConnectionCommon<D>>) -> Result<(Secret, Secret), LaneError> {
    let both = session.export_keying_material([0; 2 * SECRET_BYTES], LABEL, None).map_err(refused)?;
    let (mut there, mut back) = ([0; SECRET_BYTES], [0; SECRET_BYTES]);
    there.copy_from_slice(&both[..SECRET_BYTES]);
    back.copy_from_slice(&both[SECRET_BYTES..]);
    Ok((there, back))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::certificates::Who;
    use crate::trust::roster::{Rights, Roster, Standing};
    use crate::wire::batch::Batch;
    use crate::wire::frame::Header;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, SimplexStream, WriteHalf, simplex};

    type Ends = (ReadHalf<SimplexStream>, WriteHalf<SimplexStream>);

    /// A wire of which somebody keeps a copy.
    fn tapped(tap: Arc<std::sync::Mutex<Vec<u8>>>) -> Ends {
        let ((mut from, entry), (exit, mut to)) = (simplex(1 << 16), simplex(1 << 16));
        tokio::spawn(async move {
            let mut memory = vec![0; 4096];
            while let Ok(count @ 1..) = from.read(&mut memory).await {
                tap.lock().unwrap().extend_from_slice(&memory[..count]);
                to.write_all(&memory[..count]).await.unwrap();
            }
        });
        (exit, entry)
    }

    async fn meet(
        client: &Identity,
        gateway: &Identity,
        allowed: &[Fingerprint],
    ) -> (
        Result<(Seals, Late), LaneError>,
        Result<(Seals, Fingerprint), LaneError>,
        Ends,
        Arc<std::sync::Mutex<Vec<u8>>>,
    ) {
        let tap = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (there_out, mut there_in) = tapped(Arc::clone(&tap));
        let (back_out, mut back_in) = tapped(Arc::clone(&tap));
        let (mut near, mut far) = (FrameReader::new(back_out), FrameReader::new(there_out));
        let clients = allowed.iter().map(|client| (*client, Rights::all()));
        let roster = Standing::new(Roster::new(clients, []).unwrap());
        let config = certificates::server(gateway, Who::Clients(roster)).unwrap();
        let calling = call(client, gateway.fingerprint(), &mut near, &mut there_in);
        let answering = async {
            let (_, first) = far.small(MAX_FLIGHT_BYTES).await.unwrap();
            answer(config, &first, &mut far, &mut back_in).await
        };
        let (called, answered) = futures::future::join(calling, answering).await;
        (called, answered, (far.into_parts().0, there_in), tap)
    }

    #[tokio::test]
    async fn both_ends_have_the_same_keys_and_nobody_between_can_read() {
        let (client, gateway) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let allowed = [client.fingerprint()];
        let (called, answered, (exit, mut entry), tap) = meet(&client, &gateway, &allowed).await;
        let (mut far_seals, who) = answered.unwrap();
        assert_eq!(who, client.fingerprint());
        let mut seals = called.unwrap().0;
        let mut batch = Batch::new(Some(&mut seals.out));
        let secret = b"a line that nobody else may read".repeat(50);
        batch.plain(Header::bare(Kind::Fault, 3), &secret).unwrap();
        batch.write(&mut entry).await.unwrap();
        let (header, mut payload) = FrameReader::new(exit).small(1 << 14).await.unwrap();
        let seen = tap.lock().unwrap().clone();
        assert!(seen.windows(payload.len()).any(|window| window == payload), "the tap is on this wire");
        assert!(!seen.windows(16).any(|window| secret.windows(16).any(|part| part == window)));
        far_seals.back.open(&header, &mut payload).unwrap();
        assert_eq!(&payload[..secret.len()], secret);
        // Another lane has other keys.
        let (called, ..) = meet(&client, &gateway, &allowed).await;
        let mut sealed = secret.clone();
        let tag = called.unwrap().0.out.close(&mut Header::bare(Kind::Fault, 3), &mut sealed).unwrap();
        assert!(!seen.windows(16).any(|window| window == tag || window == &sealed[..16]));
    }

    #[tokio::test]
    async fn strangers_are_refused() {
        let (client, gateway) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let (called, answered, ends, tap) = meet(&client, &gateway, &[gateway.fingerprint()]).await;
        assert!(matches!(answered, Err(LaneError::Refused(_))));
        drop((called, ends, tap));
    }
}
