//! Linux's `configfs-tsm`: how a guest asks the hardware for a report, the same for SEV-SNP and TDX.
//!
//! A folder that is made below `/sys/kernel/config/tsm/report` is one question: 64 bytes are written to its `inblob`, the report is read
//! from `outblob`, and what a host gave besides from `auxblob`. `generation` counts what was written. The folder is this question's own, so that
//! nobody else writes to it; that nobody did is checked all the same, since a report that answers somebody else's bytes would be
//! taken for a lie of this engine.
//!
//! Source: Linux, Documentation/ABI/testing/configfs-tsm-report (6.7, and `report` in later ones), `drivers/virt/coco/guest/report.c`,
//! `sev-guest.c`, `tdx-guest.c`, `fs/configfs/file.c`.

use super::Nothing;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use welkin_seal::{Evidence, Kind};

const REPORTS: &str = "/sys/kernel/config/tsm/report";
/// A quote takes a few seconds, and the kernel waits 30 for it before it leaves it to the next who asks (`tdx-guest.c`).
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_secs(2);
/// The kernel's own bound is 32 KiB (`TSM_OUTBLOB_MAX`), which later ones may raise; evidence has no more than this.
const MOST_BYTES: u64 = 1 << 20;
/// Folders that others, or an engine that was killed under the same number, left behind.
const MOST_NAMES: u32 = 64;

/// Questions as the kernel has them: folders whose files are there as soon as they are.
pub(super) trait Guest: fmt::Debug + Send + Sync {
    fn make(&self, question: &str) -> io::Result<()>;
    fn write(&self, question: &str, attribute: &str, bytes: &[u8]) -> io::Result<()>;
    fn read(&self, question: &str, attribute: &str) -> io::Result<Vec<u8>>;
    fn remove(&self, question: &str) -> io::Result<()>;
    /// Waits until it may be worth to try again.
    fn wait(&self);
}

/// This machine's, or a folder that looks like it.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Default for Folder {
    fn default() -> Self {
        Self(PathBuf::from(REPORTS))
    }
}

impl Guest for Folder {
    fn make(&self, question: &str) -> io::Result<()> {
        fs::create_dir(self.0.join(question))
    }

    /// The kernel takes what was written when the file is closed, and does not say then whether it did (`configfs_release_bin_file`):
    /// `generation` tells.
    fn write(&self, question: &str, attribute: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.0.join(question).join(attribute);
        OpenOptions::new().write(true).open(path)?.write_all(bytes)
    }

    /// However many pieces it comes in, it is of one report: the kernel keeps it for as long as the file is open.
    fn read(&self, question: &str, attribute: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.0.join(question).join(attribute))?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "more bytes than evidence has"));
        }
        Ok(bytes)
    }

    fn remove(&self, question: &str) -> io::Result<()> {
        fs::remove_dir(self.0.join(question))
    }

    fn wait(&self) {
        std::thread::sleep(PAUSE);
    }
}

/// Why a try gave nothing.
enum Miss {
    /// Somebody else was being answered, or wrote.
    Again(String),
    /// The hardware is of a kind that was not named.
    Another(String),
    /// It will not be otherwise.
    No(String),
}

/// Asks the hardware for evidence of one of these kinds that is bound to these bytes.
pub(super) fn ask(guest: &dyn Guest, kinds: &[Kind], bytes: &[u8; 64]) -> Result<Evidence, Nothing> {
    let mut last = String::new();
    for again in 0..TRIES {
        if again > 0 {
            guest.wait();
        }
        let question = Question::new(guest)?;
        match question.answer(kinds, bytes) {
            Ok(evidence) => return Ok(evidence),
            Err(Miss::Another(why)) => return Err(Nothing::Missing(why)),
            Err(Miss::No(why)) => return Err(Nothing::Failed(why)),
            Err(Miss::Again(why)) => last = why,
        }
    }
    Err(Nothing::Failed(format!("{last}, {TRIES} times in a row")))
}

/// A folder that goes when this does.
struct Question<'a> {
    guest: &'a dyn Guest,
    name: String,
}

impl<'a> Question<'a> {
    fn new(guest: &'a dyn Guest) -> Result<Self, Nothing> {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        for _ in 0..MOST_NAMES {
            let number = ASKED.fetch_add(1, Ordering::Relaxed);
            let name = format!("welkin-{}-{number}", std::process::id());
            match guest.make(&name) {
                Ok(()) => return Ok(Self { guest, name }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unmade(&error)),
            }
        }
        Err(Nothing::Failed(format!("{REPORTS} is full of questions that others left")))
    }

    fn answer(&self, kinds: &[Kind], bytes: &[u8; 64]) -> Result<Evidence, Miss> {
        let provider = self.text("provider")?;
        if !kinds.iter().any(|kind| kind.provider() == Some(provider.as_str())) {
            return Err(Miss::Another(another(&provider, kinds)));
        }
        let before = self.generation()?;
        let mut writes = 0;
        // SEV-SNP: a guest below a service module speaks for its own level, and may not for the one above it.
        let floor = self.optional("privlevel_floor")?;
        let floor = String::from_utf8_lossy(&floor).trim().to_owned();
        if !floor.is_empty() && floor != "0" {
            self.write("privlevel", floor.as_bytes())?;
            writes += 1;
        }
        self.write("inblob", bytes)?;
        writes += 1;
        self.must_be(before.wrapping_add(writes))?;
        let report = self.read("outblob")?;
        let besides = self.optional("auxblob")?;
        self.must_be(before.wrapping_add(writes))?;
        Evidence::of_guest(&provider, report, &besides).map_err(|error| Miss::No(with_cause(&error)))
    }

    /// Nobody but this engine has written.
    fn must_be(&self, expected: u64) -> Result<(), Miss> {
        match self.generation()? {
            found if found == expected => Ok(()),
            found => Err(Miss::Again(format!(
                "this engine's question is not as it wrote it (generation {found}, not {expected})"
            ))),
        }
    }

    fn generation(&self) -> Result<u64, Miss> {
        let text = self.text("generation")?;
        text.parse().map_err(|_| Miss::No(format!("generation is `{text}`, which is no number")))
    }

    fn text(&self, attribute: &str) -> Result<String, Miss> {
        Ok(String::from_utf8_lossy(&self.read(attribute)?).trim().to_owned())
    }

    fn read(&self, attribute: &str) -> Result<Vec<u8>, Miss> {
        self.guest.read(&self.name, attribute).map_err(|error| missed(attribute, &error))
    }

    /// Providers show what they have: TDX has neither levels nor certificates.
    fn optional(&self, attribute: &str) -> Result<Vec<u8>, Miss> {
        match self.guest.read(&self.name, attribute) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(|error| missed(attribute, &error)),
        }
    }

    fn write(&self, attribute: &str, bytes: &[u8]) -> Result<(), Miss> {
        self.guest.write(&self.name, attribute, bytes).map_err(|error| missed(attribute, &error))
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        // One that stays takes a few bytes of the kernel's memory, and its name is not used again.
        let _ = self.guest.remove(&self.name);
    }
}

pub(super) fn with_cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn unmade(error: &io::Error) -> Nothing {
    /// There is no provider (`tsm_report_make_item`).
    const ENXIO: i32 = 6;
    let hint = match error.kind() {
        ErrorKind::NotFound => {
            ": this is no guest of SEV-SNP or TDX, or its kernel does not say so. It takes Linux 6.7 or later with \
             CONFIG_TSM_REPORTS, the module sev-guest or tdx-guest, and configfs mounted at /sys/kernel/config"
        }
        ErrorKind::PermissionDenied => ": the kernel answers root alone",
        ErrorKind::ReadOnlyFilesystem => {
            ": a container needs /sys/kernel/config mounted so that it can be written to"
        }
        _ if error.raw_os_error() == Some(ENXIO) => ": load the module sev-guest or tdx-guest",
        _ => "",
    };
    let why = format!("Linux cannot be asked for it at {REPORTS} ({error}){hint}");
    if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ENXIO) {
        Nothing::Missing(why)
    } else {
        Nothing::Failed(why)
    }
}

fn another(provider: &str, kinds: &[Kind]) -> String {
    let names =
        |kinds: &mut dyn Iterator<Item = Kind>| kinds.map(Kind::name).collect::<Vec<_>>().join(" or ");
    let asked = names(&mut kinds.iter().copied());
    match Kind::ALL.iter().find(|kind| kind.provider() == Some(provider)) {
        Some(kind) => format!(
            "asked for was {asked}, and this is a guest of {kind}: name that, in the contract and the policies too, or take another machine"
        ),
        None => {
            format!("asked for was {asked}, and Linux names a provider here that is not known, `{provider}`")
        }
    }
}

fn missed(attribute: &str, error: &io::Error) -> Miss {
    let again =
        [ErrorKind::ResourceBusy, ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind());
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => ": the kernel answers root alone",
        ErrorKind::TimedOut => ": the host did not answer in time",
        _ => "",
    };
    let why = format!("the hardware cannot be asked, {attribute} says {error}{hint}");
    if again { Miss::Again(why) } else { Miss::No(why) }
}
