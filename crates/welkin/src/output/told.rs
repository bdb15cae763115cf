//! Lines on standard error.

use std::io::{self, Write};

/// Writes a line in one piece: the stream has no buffer and often other writers (owners who are asked,
/// helpers by ssh), and a line that reaches it in parts may end inside one of theirs.
pub(crate) fn err_line(text: &str) {
    let line = format!("{text}\n");
    // Without standard error there is nobody to tell.
    let _ = io::stderr().write_all(line.as_bytes());
}
