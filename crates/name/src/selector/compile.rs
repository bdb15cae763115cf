//! One part of a selector: its canonical text and its globs.
//!
//! The part is read as a row of pieces: text, `*`, and alternatives in braces, which are rows without
//! braces. Alternatives are multiplied out, within a bound, so that matching needs globs only. A glob
//! without `*` can match one text only and is therefore checked like that part of a name.

use crate::canon::{Fault, check, push_text};
use crate::chars::folds_case;
use crate::error::{ParseError, Part, Reason};
use crate::parse::lower_pin;
use crate::quals::{Key, check_value};
use crate::split::Raw;

use super::pattern::Pattern;

/// Most globs one part may stand for. A list of all regions of a provider has some forty entries;
/// at 64 globs of 512 bytes the worst match is still 64 * 512 * 512 steps, some tens of milliseconds.
const GLOBS_MAX: usize = 64;

/// Which part of a name the pattern is for.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Part(Part),
    Value(Key),
}

impl Slot {
    fn part(self) -> Part {
        match self {
            Self::Part(part) => part,
            Self::Value(_) => Part::Value,
        }
    }

    fn folds_case(self) -> bool {
        match self {
            Self::Part(part) => folds_case(part),
            Self::Value(key) => key.folds_case(),
        }
    }
}

/// Compiles `raw` and appends its canonical text.
pub(super) fn compile(out: &mut String, slot: Slot, raw: Raw<'_>) -> Result<Pattern, ParseError> {
    let (negated, body) = match raw.text.strip_prefix('!') {
        Some(rest) => (true, Raw { text: rest, at: raw.at + 1 }),
        None => (false, raw),
    };
    if body.text.is_empty() {
        let fault = ParseError::new(Reason::EmptyPart, slot.part(), body.at, "");
        return Err(fault.hint("`*` stands for anything"));
    }
    if negated {
        out.push('!');
    }
    let start = out.len();
    let mut row = Row { out, slot, globs: vec![String::new()], after_star: false };
    row.read(body)?;
    let mut globs = row.globs;
    for glob in &mut globs {
        finish(slot, body, glob)?;
    }
    globs.sort_unstable();
    globs.dedup();
    if let [only] = &globs[..]
        && only.eq_ignore_ascii_case(&out[start..])
    {
        // Plain text: what `finish` has done to it shows.
        out.replace_range(start.., only);
    }
    let globs = globs.into_iter().map(String::into_boxed_str).collect();
    Ok(if negated { Pattern::Not(globs) } else { Pattern::Some(globs) })
}

/// The globs read so far, and the canonical text they are read from.
struct Row<'o> {
    out: &'o mut String,
    slot: Slot,
    globs: Vec<String>,
    /// Whether the row ends in `*`: a second one says no more.
    after_star: bool,
}

impl Row<'_> {
    fn read(&mut self, raw: Raw<'_>) -> Result<(), ParseError> {
        let mut rest = raw;
        while let Some(first) = rest.text.bytes().next() {
            let taken = match first {
                b'*' => {
                    self.star();
                    1
                }
                b'{' => self.braces(rest)?,
                b'}' => return Err(self.fault(Reason::UnbalancedBrace, rest.at, "}")),
                b'!' => return Err(self.fault(Reason::MisplacedExclusion, rest.at, "!")),
                _ => {
                    let len = rest.text.find(['*', '{', '}', '!']).unwrap_or(rest.text.len());
                    self.literal(Raw { text: &rest.text[..len], at: rest.at })?;
                    len
                }
            };
            rest = Raw { text: &rest.text[taken..], at: rest.at + taken };
        }
        Ok(())
    }

    fn star(&mut self) {
        if !self.after_star {
            self.append("*");
            self.out.push('*');
        }
        self.after_star = true;
    }

    fn literal(&mut self, raw: Raw<'_>) -> Result<(), ParseError> {
        let start = self.out.len();
        push_text(self.out, self.slot.part(), self.slot.folds_case(), raw)?;
        for glob in &mut self.globs {
            glob.push_str(&self.out[start..]);
        }
        self.after_star = false;
        Ok(())
    }

    fn append(&mut self, text: &str) {
        for glob in &mut self.globs {
            glob.push_str(text);
        }
    }

    /// Reads `{a,b}` at the start of `raw`; returns its length.
    fn braces(&mut self, raw: Raw<'_>) -> Result<usize, ParseError> {
        let Some(close) = raw.text.find('}') else {
            return Err(self.fault(Reason::UnbalancedBrace, raw.at, "{"));
        };
        let inner = Raw { text: &raw.text[1..close], at: raw.at + 1 };
        if let Some(nested) = inner.text.find('{') {
            return Err(self.fault(Reason::NestedBrace, inner.at + nested, "{"));
        }
        let mut alternatives = Vec::new();
        for item in inner.split(',') {
            if item.text.is_empty() {
                return Err(self.fault(Reason::EmptyAlternative, item.at, ""));
            }
            // Stops a long list before it is compiled; repeated items count.
            if alternatives.len() == GLOBS_MAX {
                return Err(self.too_many(raw));
            }
            alternatives.push(self.alternative(item)?);
        }
        alternatives.sort_unstable();
        alternatives.dedup();
        self.multiply(raw, &alternatives)?;
        self.print(&alternatives);
        self.after_star = matches!(&alternatives[..], [only] if only.ends_with('*'));
        Ok(close + 1)
    }

    /// One alternative as a glob.
    fn alternative(&self, raw: Raw<'_>) -> Result<String, ParseError> {
        let mut text = String::with_capacity(raw.text.len());
        let mut row = Row { out: &mut text, slot: self.slot, globs: Vec::new(), after_star: false };
        row.read(raw)?;
        Ok(text)
    }

    fn multiply(&mut self, raw: Raw<'_>, alternatives: &[String]) -> Result<(), ParseError> {
        if self.globs.len() * alternatives.len() > GLOBS_MAX {
            return Err(self.too_many(raw));
        }
        let fronts = std::mem::take(&mut self.globs);
        self.globs = fronts
            .iter()
            .flat_map(|front| alternatives.iter().map(move |back| format!("{front}{back}")))
            .collect();
        Ok(())
    }

    /// A comma separates within braces, so one that is text is an escape there.
    fn print(&mut self, alternatives: &[String]) {
        if let [only] = alternatives {
            let said = if self.after_star { only.trim_start_matches('*') } else { only };
            self.out.push_str(said);
            return;
        }
        let mut separator = '{';
        for alternative in alternatives {
            self.out.push(separator);
            self.out.push_str(&alternative.replace(',', "%2C"));
            separator = ',';
        }
        self.out.push('}');
    }

    fn too_many(&self, raw: Raw<'_>) -> ParseError {
        self.fault(Reason::TooManyAlternatives, raw.at, raw.text)
            .hint(format!("one part stands for at most {GLOBS_MAX} alternatives; write several selectors"))
    }

    fn fault(&self, reason: Reason, at: usize, found: &str) -> ParseError {
        ParseError::new(reason, self.slot.part(), at, found)
    }
}

/// Checks a glob. One that can match one text only is checked like that part of a name.
fn finish(slot: Slot, raw: Raw<'_>, glob: &mut str) -> Result<(), ParseError> {
    let part = slot.part();
    if part == Part::Version && !glob.contains('*') {
        lower_pin(glob);
    }
    let checked = match slot {
        Slot::Value(key) if key.is_set() && glob.contains(',') => {
            Err(Fault::new(Reason::BadValue, 0, glob).hint("a comma separates the items of a set"))
        }
        _ if glob.contains('*') => Ok(()),
        Slot::Part(part) => check(part, glob),
        Slot::Value(key) => check_value(key, glob),
    };
    checked.map_err(|fault| fault.at(part, raw, glob.len()))
}
