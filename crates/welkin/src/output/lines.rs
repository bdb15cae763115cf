//! Lines of scripts, of several tasks in one stream, and pieces of lines that have not ended yet.
//!
//! A piece is written at once and its line stays open: the next piece of it follows directly, and any
//! other line first ends it. Where lines are drawn over at the foot of a terminal nothing may stay open;
//! pieces are then kept until their line ends, and [`Lines::open`] says how far each has come.
//!
//! What a script wrote over itself, as a progress bar does with `\r`, is shown as a terminal would at that moment: of a text its
//! last state, and the next state on a line of its own where one stands already.

use super::foreign::Foreign;
use std::collections::BTreeMap;
use welkin_provider::exact;

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
    /// Whose line is open, when lines may be, and whether what follows writes over it.
    last: Option<(Writer, bool)>,
    /// What came of lines that are kept until they end, and whether what follows writes over that.
    kept: BTreeMap<Writer, (String, bool)>,
}

/// What is seen of a text.
struct Drawn<'a> {
    /// The state that it ends in.
    state: &'a str,
    /// Whether that stands in place of what was there before the text.
    anew: bool,
    /// Whether what follows stands in place of it.
    over: bool,
}

impl<'a> Drawn<'a> {
    fn of(text: &'a str) -> Self {
        let left = text.trim_end_matches('\r');
        let (anew, state) = left.rsplit_once('\r').map_or((false, left), |(_, state)| (true, state));
        Self { state, anew, over: left.len() < text.len() }
    }
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
        let shown = exact::shown(text);
        let Drawn { state, anew, over } = Drawn::of(&shown);
        let state = self.foreign.text(state);
        let writer = (subject.to_owned(), stream.to_owned());
        if !self.direct {
            return self.keep(prefix, writer, (&state, anew, over), part);
        }
        let open = self.last.as_ref().filter(|(last, _)| part != Part::Whole && *last == writer);
        let goes_on = open.is_some_and(|(_, over)| state.is_empty() || !(anew || *over));
        let mut laid = if goes_on { String::new() } else { self.end() + prefix };
        laid.push_str(&state);
        if part == Part::Open {
            self.last = Some((writer, over));
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
        self.kept.iter().map(|((subject, _), (text, _))| format!("{subject} | {text}"))
    }

    fn keep(
        &mut self,
        prefix: &str,
        writer: Writer,
        (state, anew, over): (&str, bool, bool),
        part: Part,
    ) -> String {
        if part == Part::Whole {
            return format!("{prefix}{state}\n");
        }
        let (mut text, overwritten) = self.kept.remove(&writer).unwrap_or_default();
        if (anew || overwritten) && !state.is_empty() {
            text.clear();
        }
        text.push_str(state);
        if part == Part::Open {
            self.kept.insert(writer, (text, over));
            return String::new();
        }
        format!("{prefix}{text}\n")
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

    #[test]
    fn what_is_written_over_is_shown_as_it_stands_and_bytes_that_are_no_text_are_replaced() {
        let mut lines = Lines::new(Foreign::Raw, true);
        let lay = |lines: &mut Lines, text: &str, part| lines.lay("a | ", "a", "stdout", text, part);
        assert_eq!(lay(&mut lines, "text\r", Part::Whole), "a | text\n");
        assert_eq!(lay(&mut lines, "1%\r2%\r100%", Part::Whole), "a | 100%\n");
        assert_eq!(lay(&mut lines, "x\u{10FFFF}\u{10FF80}y", Part::Whole), "a | x\u{FFFD}\u{FFFD}y\n");
        assert_eq!(lay(&mut lines, "1%\r2%", Part::Open), "a | 2%");
        assert_eq!(lay(&mut lines, "\r3%\r", Part::Open), "\na | 3%");
        assert_eq!(lay(&mut lines, "4%", Part::Open), "\na | 4%");
        assert_eq!(lay(&mut lines, " done", Part::Open), " done");
        assert_eq!(lay(&mut lines, "\r", Part::Last), "\n");
        let mut kept = Lines::new(Foreign::Raw, false);
        lay(&mut kept, "1%\r2%", Part::Open);
        lay(&mut kept, "\r3%\r", Part::Open);
        assert_eq!(kept.open().collect::<Vec<_>>(), ["a | 3%"]);
        assert_eq!(lay(&mut kept, "4%\r", Part::Last), "a | 4%\n");
    }
}
