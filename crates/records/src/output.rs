//! How lines of output are kept: the name of their stream, and which part of a line they are.

use crate::rows::LogRow;
use welkin_provider::{EventKind, Stream};

/// Ending of a stream's name for a piece of a line that goes on.
pub const PIECE: &str = ">";

/// Ending of a stream's name for the last piece of a line.
pub const LAST_PIECE: &str = "<";

/// Ending of a stream's name for the last piece of a line that the script did not end.
pub const UNENDED: &str = ".";

/// Stream of the line that says how many lines were left out. The word of the agent for whoever reads.
pub const LEFT_OUT: &str = "agent ";

/// Lines of one answer end with the line by which they have so many bytes: long lines are not worth more memory than short
/// ones.
pub const PAGE_BYTES: usize = 4 << 20;

/// Cuts an answer as [`PAGE_BYTES`] says.
pub fn cut_page(rows: &mut Vec<LogRow>) {
    let mut bytes = 0;
    let full = |row: &LogRow| {
        bytes += row.line.len();
        bytes >= PAGE_BYTES
    };
    if let Some(last) = rows.iter().position(full) {
        rows.truncate(last + 1);
    }
}

/// The stream and the text of an event that is a line of output.
#[must_use]
pub fn line_of(event: &EventKind) -> Option<(String, &str)> {
    match event {
        EventKind::Log { stream, line } => Some((stream_name(*stream).to_owned(), line)),
        EventKind::Piece { stream, text, last, unended } => {
            let mark = match (last, unended) {
                (false, _) => PIECE,
                (true, false) => LAST_PIECE,
                (true, true) => UNENDED,
            };
            Some((format!("{}{mark}", stream_name(*stream)), text))
        }
        _ => None,
    }
}

/// What stands in place of lines that were left out. Begins with their number.
#[must_use]
pub fn left_out_words(lines: u64) -> String {
    format!(
        "{lines} lines are left out here: of a log the beginning and the end are kept, as `log-keep` says"
    )
}

/// The number that [`left_out_words`] says.
#[must_use]
pub fn left_out_count(words: &str) -> u64 {
    words.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

const fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
        Stream::Agent => "agent",
    }
}
