//! Lines of scripts, of several tasks in one stream, and pieces of lines that have not ended yet.
//!
//! A piece is written at once and its line stays open: the next piece of it follows directly, and any
//! other line first ends it. Where lines are drawn over at the foot of a terminal nothing may stay open;
//! pieces are then kept until their line ends, and [`Lines::open`] says how far each has come.

use super::foreign::Foreign;
use std::collections::BTreeMap;

/// What a text is of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// A piece that others follow.
    Open,
    /// Its last piece.
    Last,
}

/// Who wrote: a task's name as shown, and its stream.
type Writer = (String, String);

/// Lays out the lines of one stream.
#[derive(Debug)]
pub(crate) struct Lines {
    foreign: Foreign,
    /// Whether a line may stay open where it is written.
    direct: bool,
    /// Whose line is open, when lines may be.
    last: Option<Writer>,
    /// What came of lines that are kept until they end.
    kept: BTreeMap<Writer, String>,
}

impl Lines {
    pub(crate) const fn new(foreign: Foreign, direct: bool) -> Self {
        Self { foreign, direct, last: None, kept: BTreeMap::new() }
    }

    /// What to write for a text of `subject`, with `prefix` in front of its line.
    pub(crate) fn lay(
        &mut self,
        prefix: &str,
        subject: &str,
        stream: &str,
        text: &str,
        part: Part,
    ) -> String {
        let text = self.foreign.text(text);
        let writer = (subject.to_owned(), stream.to_owned());
        if !self.direct {
            return self.keep(prefix, writer, &text, part);
        }
        let goes_on = part != Part::Whole && self.last.as_ref() == Some(&writer);
        let mut laid = if goes_on { String::new() } else { self.end() + prefix };
        laid.push_str(&text);
        if part == Part::Open {
            self.last = Some(writer);
        } else {
            laid.push('\n');
            self.last = None;
        }
        laid
    }

    /// What ends a line that is still open.
    pub(crate) fn end(&mut self) -> String {
        self.last.take().map_or_else(String::new, |_| "\n".to_owned())
    }

    /// Lines that are kept until they end, as far as they have come.
    pub(crate) fn open(&self) -> impl Iterator<Item = String> {
        self.kept.iter().map(|((subject, _), text)| format!("{subject} | {text}"))
    }

    fn keep(&mut self, prefix: &str, writer: Writer, text: &str, part: Part) -> String {
        match part {
            Part::Whole => format!("{prefix}{text}\n"),
            Part::Open => {
                self.kept.entry(writer).or_default().push_str(text);
                String::new()
            }
            Part::Last => format!("{prefix}{}{text}\n", self.kept.remove(&writer).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: [(&str, &str, Part); 6] = [
        ("a", "do", Part::Open),
        ("a", "ts", Part::Open),
        ("b", "other", Part::Whole),
        ("a", "..", Part::Open),
        ("a", "", Part::Last),
        ("a", "next", Part::Whole),
    ];

    fn laid(lines: &mut Lines) -> String {
        let lay = |(subject, text, part): (&str, &str, Part)| {
            lines.lay(&format!("{subject} | "), subject, "stdout", text, part)
        };
        TOLD.into_iter().map(lay).collect()
    }

    #[test]
    fn an_open_line_goes_on_and_is_ended_by_others() {
        let mut lines = Lines::new(Foreign::Raw, true);
        assert_eq!(laid(&mut lines), "a | dots\nb | other\na | ..\na | next\n");
        assert_eq!(lines.end(), "");
        lines.lay("a | ", "a", "stdout", "?", Part::Open);
        assert_eq!(lines.end(), "\n");
    }

    #[test]
    fn where_nothing_may_stay_open_a_line_is_kept_until_it_ends() {
        let mut lines = Lines::new(Foreign::Raw, false);
        assert_eq!(laid(&mut lines), "b | other\na | dots..\na | next\n");
        lines.lay("a | ", "a", "stdout", "10%", Part::Open);
        assert_eq!(lines.open().collect::<Vec<_>>(), ["a | 10%"]);
    }
}
