//! Time that only goes forward, at the pace of the machine, whatever is done to its wall clock.
//!
//! A wall clock is set by people, by NTP at boot, by a machine that is restored from a snapshot. What a
//! lease has cost, when a deadline is reached and whether a budget is spent must not follow it. So the
//! wall clock is read once, and from then on time is that reading plus what the machine has counted
//! since its boot, suspended or not (`CLOCK_BOOTTIME`). The reading lies in the state directory, so that
//! every process of one boot agrees, the one that shows a bill and the one that drives the run.
//!
//! *Guarantee:* within one boot of the machine, while a run of the directory is not over, the moments
//! of all processes that open it lie on one line. After another boot they are never before the
//! newest moment on the record of such a run. While nothing runs, the wall clock is believed again.
//!
//! *Rejected:* the monotonic clock of the standard library, which stands still while a machine sleeps
//! and its leases cost; and taking the difference of two wall clock readings with a sanity check: a
//! step of a minute is as wrong as one of two days, and looks like work.

use crate::error::StoreError;
use crate::reader::Reader;
use rustix::time::{ClockId, clock_gettime};
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use welkin_provider::{Clock, SystemClock, UnixMillis};
use welkin_units::Span;

/// File in the state directory that holds the anchor.
const FILE: &str = "clock";

/// First word of the file.
const SCHEMA: &str = "welkin.clock/1";

/// Where the kernel tells this boot from all others.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Difference from the wall clock that is left alone while nothing runs: NTP slews by less.
const TOLERANCE: Span = Span::from_secs(1);

/// What a machine's clocks show at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which boot of the machine; none when it cannot be told.
    pub boot: Option<String>,
    /// The wall clock; 0 for a date before 1970.
    pub wall: UnixMillis,
    /// Time since the boot, sleep included.
    pub uptime: Span,
}

/// Where readings come from: the machine, or a simulation.
pub trait Clocks: Send + Sync + fmt::Debug {
    /// What they show now.
    fn read(&self) -> Reading;

    /// Time since the boot alone, which is asked for many times a task.
    fn uptime(&self) -> Span {
        self.read().uptime
    }
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineClocks;

impl Clocks for MachineClocks {
    fn uptime(&self) -> Span {
        let uptime = clock_gettime(ClockId::Boottime);
        Span::from_millis(uptime.tv_sec.unsigned_abs() * 1000 + uptime.tv_nsec.unsigned_abs() / 1_000_000)
    }

    fn read(&self) -> Reading {
        let uptime = self.uptime();
        let boot = fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned());
        Reading { boot: boot.filter(|id| !id.is_empty()), wall: SystemClock.now(), uptime }
    }
}

/// A [`Clock`] that only goes forward.
#[derive(Debug, Clone)]
pub struct SteadyClock {
    clocks: Arc<dyn Clocks>,
    anchor: Reading,
}

impl SteadyClock {
    /// The clock for whoever drives runs of a state directory: keeps the anchor there.
    ///
    /// # Errors
    /// [`StoreError`] when the anchor cannot be written.
    pub fn open(dir: &Path, clocks: Arc<dyn Clocks>) -> Result<Self, StoreError> {
        Self::open_after(dir, clocks, newest_of_open_runs(dir))
    }

    /// The same, where records are kept elsewhere, whose newest moment of a run that is not over is this one.
    ///
    /// # Errors
    /// [`StoreError`] when the anchor cannot be written.
    pub fn open_after(
        dir: &Path,
        clocks: Arc<dyn Clocks>,
        newest: Option<UnixMillis>,
    ) -> Result<Self, StoreError> {
        let now = clocks.read();
        let (anchor, is_new) = choose(kept(dir), now, newest);
        if is_new {
            write(dir, &anchor)?;
        }
        Ok(Self { clocks, anchor })
    }

    /// The clock for whoever only looks: writes nothing.
    #[must_use]
    pub fn view(dir: &Path, clocks: Arc<dyn Clocks>) -> Self {
        Self::view_after(dir, clocks, newest_of_open_runs(dir))
    }

    pub(crate) fn view_after(dir: &Path, clocks: Arc<dyn Clocks>, newest: Option<UnixMillis>) -> Self {
        let now = clocks.read();
        let (anchor, _) = choose(kept(dir), now, newest);
        Self { clocks, anchor }
    }

    /// The clock of this machine as it is, for whoever looks at a broker elsewhere.
    #[must_use]
    pub fn plain(clocks: Arc<dyn Clocks>) -> Self {
        let anchor = clocks.read();
        Self { clocks, anchor }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> UnixMillis {
        self.anchor.at(self.clocks.uptime())
    }
}

impl Reading {
    /// The moment at which the machine had been up for so long.
    fn at(&self, uptime: Span) -> UnixMillis {
        self.wall.after(Span::from_millis(uptime.millis().saturating_sub(self.uptime.millis())))
    }

    fn is_of_boot(&self, other: &Self) -> bool {
        self.boot.is_some() && self.boot == other.boot && self.uptime <= other.uptime
    }
}

/// The anchor to go by, and whether it is a new one. `newest` is the newest moment on the record of
/// runs that are not over; none when all are.
fn choose(kept: Option<Reading>, now: Reading, newest: Option<UnixMillis>) -> (Reading, bool) {
    let same_boot = kept.filter(|kept| kept.is_of_boot(&now));
    match (same_boot, newest) {
        (Some(kept), Some(newest)) if kept.at(now.uptime) >= newest => (kept, false),
        (Some(kept), None) if distance(kept.at(now.uptime), now.wall) <= TOLERANCE => (kept, false),
        (_, newest) => (Reading { wall: now.wall.max(newest.unwrap_or_default()), ..now }, true),
    }
}

fn distance(a: UnixMillis, b: UnixMillis) -> Span {
    a.since(b).max(b.since(a))
}

/// The anchor on disk. One that cannot be read is none: the next broker writes another.
fn kept(dir: &Path) -> Option<Reading> {
    let text = fs::read_to_string(dir.join(FILE)).ok()?;
    let mut words = text.strip_prefix(SCHEMA)?.split_whitespace();
    let (boot, wall, uptime) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Reading { boot: Some(boot.to_owned()), wall: UnixMillis(wall), uptime: Span::from_millis(uptime) })
}

fn write(dir: &Path, anchor: &Reading) -> Result<(), StoreError> {
    // Without a boot there is nothing to compare with later.
    let Some(boot) = &anchor.boot else { return Ok(()) };
    let (path, draft) = (dir.join(FILE), dir.join(format!("{FILE}.{}", std::process::id())));
    let text = format!("{SCHEMA} {boot} {} {}\n", anchor.wall.0, anchor.uptime.millis());
    let io = |source| StoreError::Io { what: "writing", path: path.clone(), source };
    crate::place::make_dir(dir)?;
    fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path)).map_err(io)
}

/// What cannot be read is told by whoever opens the same store next.
fn newest_of_open_runs(dir: &Path) -> Option<UnixMillis> {
    Reader::open(dir).ok()?.newest_of_open_runs().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(boot: &str, wall: u64, uptime: u64) -> Reading {
        Reading { boot: Some(boot.to_owned()), wall: UnixMillis(wall), uptime: Span::from_millis(uptime) }
    }

    #[test]
    fn tables() {
        let kept = || Some(reading("b", 1_000_000, 500));
        type Case = (&'static str, Option<Reading>, Reading, Option<u64>, (u64, u64));
        let cases: [Case; 9] = [
            ("nothing kept", None, reading("b", 7, 3), None, (7, 3)),
            ("nothing happened", kept(), reading("b", 1_002_000, 2_500), Some(1_000_100), (1_000_000, 500)),
            ("a step back", kept(), reading("b", 900_000, 2_500), Some(1_000_100), (1_000_000, 500)),
            (
                "a step of two days",
                kept(),
                reading("b", 172_900_000, 2_500),
                Some(1_000_100),
                (1_000_000, 500),
            ),
            ("before 1970", kept(), reading("b", 0, 2_500), Some(1_000_100), (1_000_000, 500)),
            ("a step while nothing runs", kept(), reading("b", 900_000, 2_500), None, (900_000, 2_500)),
            ("another boot", kept(), reading("c", 2_000_000, 40), Some(1_000_100), (2_000_000, 40)),
            ("another boot with a bad clock", kept(), reading("c", 0, 40), Some(1_000_100), (1_000_100, 40)),
            ("a restored machine", kept(), reading("b", 2_000_000, 40), Some(1_000_100), (2_000_000, 40)),
        ];
        for (name, kept, now, newest, (wall, uptime)) in cases {
            let boot = now.boot.clone();
            let (anchor, _) = choose(kept, now, newest.map(UnixMillis));
            let expected = (UnixMillis(wall), Span::from_millis(uptime));
            assert_eq!((anchor.wall, anchor.uptime), expected, "{name}");
            assert_eq!(anchor.boot, boot, "{name}");
        }
    }

    #[test]
    fn the_anchor_outlives_the_process_and_damage_is_no_anchor() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kept(dir.path()), None);
        let anchor = reading("4711-b", 1_790_000_000_000, 77);
        write(dir.path(), &anchor).unwrap();
        assert_eq!(kept(dir.path()), Some(anchor));
        for damage in ["", "welkin.clock/1", "welkin.clock/1 b -4 x", "welkin.clock/2 b 1 1"] {
            fs::write(dir.path().join(FILE), damage).unwrap();
            assert_eq!(kept(dir.path()), None, "{damage}");
        }
    }
}
