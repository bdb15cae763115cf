//! Questions to the user.

use crate::report::{Code, Fault};
use std::io::{self, IsTerminal, Write};

/// Asks `question`. Fails where nobody can be asked, with `unasked` for a message, and where the answer is
/// not yes, with `declined`.
pub(crate) fn ask(question: &str, unasked: &str, declined: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        return Err(Fault::new(Code::NeedsConsent, unasked).hint("add --yes").into());
    }
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let line = line.trim();
    if line.eq_ignore_ascii_case("y") || line.eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(Fault::new(Code::Declined, declined).into())
}
