//! The scripts of the suite, and what they do.

use crate::memory::{Outcome, Work};
use crate::node::{Exit, Stream};
use welkin_units::Span;

/// A script that the suite runs on nodes, by `bash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Prints `$WELKIN_PROBE`, then a line on standard error.
    Greet,
    /// Prints a line and ends with exit code 7.
    Fail,
    /// Ends itself by signal 9.
    Die,
    /// Prints a line and runs for an hour.
    Linger,
    /// Leaves the file `probe-out/answer` with 7 bytes.
    Make,
    /// Prints the file `probe-in/answer`.
    Show,
    /// Appends a line to the file `probe-count` and prints the file.
    Count,
}

/// Environment variable that [`Probe::Greet`] prints.
pub(super) const GREETING: &str = "WELKIN_PROBE";
/// What [`Probe::Make`] writes and [`Probe::Show`] prints, less its line end.
pub(super) const ANSWER: &str = "welkin";

impl Probe {
    const ALL: [Self; 7] =
        [Self::Greet, Self::Fail, Self::Die, Self::Linger, Self::Make, Self::Show, Self::Count];

    /// The script.
    #[must_use]
    pub const fn script(self) -> &'static str {
        match self {
            Self::Greet => "printf '%s\\n' \"$WELKIN_PROBE\"\necho aside >&2\n",
            Self::Fail => "echo failing\nexit 7\n",
            Self::Die => "kill -KILL $$\n",
            Self::Linger => "echo lingering\nsleep 3600\n",
            Self::Make => "mkdir -p probe-out\nprintf 'welkin\\n' > probe-out/answer\n",
            Self::Show => "cat probe-in/answer\n",
            Self::Count => "echo once >> probe-count\ncat probe-count\n",
        }
    }
}

/// What a probe does on a node that has no processes; `None` for a script that is not a probe.
///
/// A cloud in memory passes the suite with it as its workload.
#[must_use]
pub fn simulated(work: &Work<'_>) -> Option<Outcome> {
    let script = work.step.script.as_deref()?;
    let probe = Probe::ALL.into_iter().find(|probe| probe.script() == script)?;
    let content = |path: &str| {
        let bytes = work.home.get(path).cloned().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let quick = Outcome::success(Span::from_millis(20));
    Some(match probe {
        Probe::Greet => {
            let mut outcome = quick.line(work.step.env.get(GREETING).cloned().unwrap_or_default());
            outcome.lines.push((Stream::Stderr, "aside".to_owned()));
            outcome
        }
        Probe::Fail => Outcome { exit: Exit::Code { code: 7 }, ..quick.line("failing") },
        Probe::Die => Outcome { exit: Exit::Signal { signal: 9 }, ..quick },
        Probe::Linger => Outcome { duration: Span::from_hours(1), ..quick }.line("lingering"),
        Probe::Make => quick.file("probe-out/answer", format!("{ANSWER}\n")),
        Probe::Show => content("probe-in/answer").lines().fold(quick, Outcome::line),
        Probe::Count => {
            let count = content("probe-count") + "once\n";
            // In no time: between reading and writing there is no room for another step, as in an append.
            let outcome = count.lines().fold(Outcome::success(Span::ZERO), Outcome::line);
            outcome.file("probe-count", count)
        }
    })
}
