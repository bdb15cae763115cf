//! Confidential machines of Azure: their TPM, `/dev/tpmrm0`, and their metadata service.
//!
//! What is said to both, and what becomes of the answers, is in `crates/seal` ([`Paravisor`]); here are the ways and their bounds. The
//! service is reached by HTTP at an address of the machine's own host, which reads what it is told and can withhold what it is asked for.
//! Nothing of that is believed or secret.
//!
//! The service limits how many requests it takes in a second, and each owner of data has the engine asked: one that is busy is asked again,
//! as Microsoft recommends (managed identities, "Retry guidance": 404, 410, 429 and 5xx, after a second or more).
//!
//! Source: Linux, drivers/char/tpm/tpm-dev-common.c (a command is written at once, its answer read, 4 KiB at most) and tpmrm-dev.c; the
//! rest in `crates/seal/src/evidence/guest/paravisor.rs`.

use super::Nothing;
use super::guest::with_cause;
use super::http::{self, Unanswered};
use super::limit::within;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use welkin_seal::{Evidence, GuestError, Kind, MetadataRequest, Paravisor};

const DEVICE: &str = "/dev/tpmrm0";
const METADATA: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
/// `TPM_BUFSIZE`
const MOST_BYTES: usize = 4096;
/// Tag, length and code.
const HEAD_BYTES: usize = 10;
/// A quote takes less than a second; others may use the TPM as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// As often as the service is asked while it is busy, and how long that waits in between: what is counted, it counts by the second.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_secs(2);

/// A way to a TPM, which takes a command and gives its answer.
pub(super) trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// A TPM that can be reached.
pub(super) trait Tpm: fmt::Debug + Send + Sync {
    fn open(&self) -> io::Result<Box<dyn Wire>>;
}

/// The kernel's device.
#[derive(Debug)]
pub(super) struct Device(pub(super) PathBuf);

impl Tpm for Device {
    fn open(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(&self.0)?))
    }
}

/// Both, and how long each is waited for.
#[derive(Debug)]
pub(super) struct Vtpm {
    pub(super) tpm: Arc<dyn Tpm>,
    pub(super) metadata: SocketAddr,
    pub(super) patience: Duration,
    /// Before a service that is busy is asked again.
    pub(super) pause: Duration,
}

impl Default for Vtpm {
    fn default() -> Self {
        Self {
            tpm: Arc::new(Device(PathBuf::from(DEVICE))),
            metadata: METADATA,
            patience: PATIENCE,
            pause: PAUSE,
        }
    }
}

impl Vtpm {
    /// Asks for evidence of one of these kinds that is bound to these bytes, as much of them as there is room for.
    pub(super) fn ask(&self, kinds: &[Kind], bytes: &[u8; 64]) -> Result<Evidence, Nothing> {
        let (tpm, asked) = (Arc::clone(&self.tpm), *bytes);
        let said = within(self.patience, DEVICE, move || statement(&*tpm, &asked));
        let paravisor = said.map_err(Nothing::Failed)??;
        let kind = paravisor.kind();
        if !kinds.contains(&kind) {
            let asked = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
            let why = format!("asked for was {asked}, and this is a machine of {kind}");
            return Err(Nothing::Missing(why));
        }
        let answer = self.metadata(&paravisor.request())?;
        paravisor.evidence(&answer).map_err(|error| Nothing::Failed(with_cause(&error)))
    }
}

impl Vtpm {
    /// Asks the metadata service, within one time for all tries.
    fn metadata(&self, request: &MetadataRequest) -> Result<Vec<u8>, Nothing> {
        let deadline = Instant::now() + self.patience;
        let failed = |why: String| Nothing::Failed(format!("the machine's metadata service: {why}"));
        let mut last = String::new();
        for again in 0..TRIES {
            if again > 0 {
                std::thread::sleep(self.pause);
            }
            match http::ask(self.metadata, request, deadline) {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::No(why)) => return Err(failed(why)),
                Err(Unanswered::Busy(why)) => last = why,
            }
        }
        Err(failed(format!("{last}, {TRIES} times in a row")))
    }
}

fn statement(tpm: &dyn Tpm, bytes: &[u8; 64]) -> Result<Paravisor, Nothing> {
    let mut wire = tpm.open().map_err(|error| unopened(&error))?;
    let mut transmit =
        |command: &[u8]| transmit(&mut *wire, command).map_err(|error| format!("{DEVICE}: {error}"));
    Paravisor::ask(&mut transmit, bytes).map_err(|error| match error {
        GuestError::NoParavisor => Nothing::Missing(with_cause(&error)),
        error => Nothing::Failed(with_cause(&error)),
    })
}

/// The device gives an answer at once; what comes in pieces is as long as it says.
fn transmit(wire: &mut dyn Wire, command: &[u8]) -> io::Result<Vec<u8>> {
    wire.write_all(command)?;
    let mut answer = vec![0; MOST_BYTES];
    let mut filled = 0;
    let mut length = HEAD_BYTES;
    while filled < length {
        match wire.read(&mut answer[filled..]) {
            Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof)),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled >= HEAD_BYTES {
            length = answer[2..6].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            if !(HEAD_BYTES..=MOST_BYTES).contains(&length) {
                let what = format!("an answer of {length} bytes is none of a TPM");
                return Err(io::Error::new(ErrorKind::InvalidData, what));
            }
        }
    }
    answer.truncate(filled);
    Ok(answer)
}

fn unopened(error: &io::Error) -> Nothing {
    let why = format!("the TPM cannot be asked for evidence of Azure's machines at {DEVICE} ({error})");
    match error.kind() {
        ErrorKind::NotFound => Nothing::Missing(format!(
            "{why}: this is no confidential machine of Azure, or its kernel has no TPM"
        )),
        ErrorKind::PermissionDenied => {
            Nothing::Failed(format!("{why}: it is for root and the group that owns it, often tss"))
        }
        _ => Nothing::Failed(why),
    }
}
