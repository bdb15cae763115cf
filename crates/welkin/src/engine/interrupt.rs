//! Signals: what Ctrl-C means while a run is under way.
//!
//! On a terminal the first one asks, since a slip of the finger must not end hours of work. Without
//! a terminal there is nobody to ask, and SIGINT or SIGTERM cancels at once. While a run is being
//! cancelled, a further signal leaves at once; the record remains for `welkin resume`.

use std::io::{self, IsTerminal};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Be asked whether to cancel.
    Ask,
    /// Cancel.
    Cancel,
    /// Leave the run to whoever drives it.
    Leave,
    /// Go on.
    GoOn,
}

/// Listens to signals and, while a question is open, to the keyboard.
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    answers: mpsc::UnboundedReceiver<String>,
    answer: mpsc::UnboundedSender<String>,
    terminal: bool,
    /// Whether somebody else drives the run, so that leaving it loses nothing.
    may_leave: bool,
    asking: bool,
    /// Whether a thread waits for a line.
    reading: bool,
}

/// What an answer means where the question is whether to cancel, and where one may also leave.
fn answer(line: &str, may_leave: bool) -> Wish {
    match line.to_ascii_lowercase().as_str() {
        "y" | "yes" | "c" | "cancel" => Wish::Cancel,
        "d" | "detach" if may_leave => Wish::Leave,
        _ => Wish::GoOn,
    }
}

impl Interrupts {
    /// Begins to listen: from now on signals do not end the process.
    pub(crate) fn listen(may_leave: bool) -> io::Result<Self> {
        let (answer, answers) = mpsc::unbounded_channel();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            answers,
            answer,
            terminal: io::stdin().is_terminal() && io::stderr().is_terminal(),
            may_leave,
            asking: false,
            reading: false,
        })
    }

    /// Waits for the next wish.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => self.interrupted(),
            // Whoever sends SIGTERM has decided already.
            _ = self.terminate.recv() => if self.may_leave { Wish::Leave } else { Wish::Cancel },
            Some(line) = self.answers.recv() => {
                self.reading = false;
                match std::mem::take(&mut self.asking) {
                    true => answer(line.trim(), self.may_leave),
                    _ => Wish::GoOn,
                }
            }
        }
    }

    fn interrupted(&mut self) -> Wish {
        if self.asking || !self.terminal {
            self.asking = false;
            return Wish::Cancel;
        }
        self.asking = true;
        if !self.reading {
            self.reading = true;
            let answer = self.answer.clone();
            // A thread of its own: one of the runtime's would keep the process from ending.
            std::thread::spawn(move || {
                let mut line = String::new();
                let _ = io::stdin().read_line(&mut line);
                let _ = answer.send(line);
            });
        }
        Wish::Ask
    }
}
