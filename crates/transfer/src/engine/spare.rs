//! Whether this machine is what keeps a transfer from being faster.
//!
//! It is where no processor has anything to spare, and where this process has one to itself: its thread does not get
//! more than that. More lanes cannot help then, whatever they seem to bring for a moment; on a line or at a store that is
//! the limit they may, though the first windows do not show it.

use std::fs;

/// Less than this share of all processors' time is nothing to spare.
const NOTHING: f64 = 0.15;

/// More than this share of one processor's time is all that a thread gets, what it waits for being near.
const ALL: f64 = 0.75;

/// What processors had done at the last look, in ticks.
#[derive(Debug, Default)]
pub(super) struct Spare {
    last: Option<Ticks>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    /// Of all processors.
    all: u64,
    /// Of these, with nothing to do.
    idle: u64,
    /// How many there are.
    processors: u64,
    /// Of this process.
    own: u64,
}

impl Spare {
    /// Whether there was something to spare since the last look. Nothing is said of a machine that does not tell.
    pub(super) fn look(&mut self) -> bool {
        let read = |path: &str| fs::read_to_string(path).ok();
        let now = read("/proc/stat").zip(read("/proc/self/stat")).and_then(|(all, own)| ticks(&all, &own));
        let before = std::mem::replace(&mut self.last, now);
        before.zip(now).is_some_and(|(before, now)| spares(before, now))
    }
}

fn spares(before: Ticks, now: Ticks) -> bool {
    let since = |now: u64, before: u64| now.saturating_sub(before) as f64;
    let all = since(now.all, before.all).max(1.0);
    let one = all / now.processors.max(1) as f64;
    since(now.idle, before.idle) >= NOTHING * all && since(now.own, before.own) <= ALL * one
}

/// From proc_stat(5) and proc_pid_stat(5). A processor that waits for a disk has nothing to do either.
fn ticks(all: &str, own: &str) -> Option<Ticks> {
    let mut lines = all.lines();
    let first = lines.next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = first.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    let processors = lines.take_while(|line| line.starts_with("cpu")).count() as u64;
    // What guests take is in the first two already.
    let total = fields.iter().take(8).sum();
    let rest: Vec<&str> = own.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |number: usize| rest.get(number - 3)?.parse::<u64>().ok();
    Some(Ticks {
        all: total,
        idle: fields.get(3)? + fields.get(4)?,
        processors,
        own: field(14)? + field(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_tells_what_it_has_done() {
        let all = "cpu  10 1 20 300 40 0 5 6 7 0\ncpu0 5 0 10 150 20 0 2 3 3 0\ncpu1 5 1 10 150 20 0 3 3 4 0\nintr 1\n";
        let own = "7 (a (b) c) R 1 7 7 0 -1 4194304 90 0 0 0 11 12 0 0 20 0 1 0 100 0 0";
        let want = Ticks { all: 382, idle: 340, processors: 2, own: 23 };
        assert_eq!(ticks(all, own), Some(want));
        assert_eq!(ticks("cpu  1", own), None);
        assert_eq!(ticks(all, "7 (a) R"), None);
    }

    #[test]
    fn neither_a_full_machine_nor_a_full_thread_has_anything_to_spare() {
        let zero = Ticks { all: 0, idle: 0, processors: 4, own: 0 };
        for (idle, own, spares_it) in [(300, 10, true), (300, 90, false), (20, 10, false), (60, 75, true)] {
            let now = Ticks { all: 400, idle, processors: 4, own };
            assert_eq!(spares(zero, now), spares_it, "{idle} {own}");
        }
        assert!(!Spare::default().look(), "there is nothing to compare the first look with");
    }
}
