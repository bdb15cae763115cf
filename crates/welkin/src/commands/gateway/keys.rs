//! The file that says who may do what at a gateway.
//!
//! One line for each fingerprint, `#` begins a comment:
//!
//! ```text
//! client w1:3f… rights=read,list folder=incoming until=2027-01-01T12:00:00Z
//! relay w1:77…
//! ```
//!
//! A line that cannot be read makes the whole file one that cannot: half a list would lock out some and, where a line
//! takes rights away, let others in.

use crate::report::{Code, Fault};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeSet;
use welkin_gateway::{Fingerprint, Right, Rights};

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) clients: Vec<(Fingerprint, Rights)>,
    pub(super) relays: Vec<Fingerprint>,
}

/// Longest file that is read: a hundred thousand lines.
pub(super) const MAX_BYTES: u64 = 16 << 20;

impl Keys {
    pub(super) fn read(text: &str, file: &str) -> anyhow::Result<Self> {
        let mut keys = Self::default();
        let mut seen = BTreeSet::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let wrong = |why: String| Fault::new(Code::Config, format!("{file}, line {number}: {why}"));
            let fingerprint = keys.take(line).map_err(wrong)?;
            if !seen.insert(fingerprint) {
                return Err(wrong(format!("{fingerprint} is there twice")).into());
            }
        }
        Ok(keys)
    }

    fn take(&mut self, line: &str) -> Result<Fingerprint, String> {
        let mut words = line.split_whitespace();
        let (kind, fingerprint) = (words.next().unwrap_or_default(), words.next());
        let fingerprint = fingerprint.ok_or("a fingerprint is missing")?;
        let fingerprint: Fingerprint = fingerprint.parse().map_err(|error| format!("{error}"))?;
        match kind {
            "client" => self.clients.push((fingerprint, rights(words)?)),
            "relay" => match words.next() {
                None => self.relays.push(fingerprint),
                Some(word) => return Err(format!("a relay has no rights of its own, and `{word}` is one")),
            },
            other => return Err(format!("`{other}` is neither client nor relay")),
        }
        Ok(fingerprint)
    }
}

fn rights<'a>(words: impl Iterator<Item = &'a str>) -> Result<Rights, String> {
    let mut rights = Rights::all();
    let mut seen = BTreeSet::new();
    for word in words {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not NAME=VALUE"))?;
        if !seen.insert(name) {
            return Err(format!("{name} is there twice"));
        }
        match name {
            "rights" => {
                let may: Result<BTreeSet<Right>, _> = value.split(',').map(str::parse).collect();
                rights.may = may.map_err(|error| error.to_string())?;
            }
            "folder" => rights.folder = folder(value)?,
            "until" => rights.until_ms = Some(until(value)?),
            _ => return Err(format!("`{name}` is not rights, folder or until")),
        }
    }
    Ok(rights)
}

fn folder(text: &str) -> Result<String, String> {
    let folder = text.trim_end_matches('/');
    let odd = folder.is_empty() || folder.split('/').any(|part| matches!(part, "" | "." | ".."));
    if odd { Err(format!("`{text}` is not a folder below what is served")) } else { Ok(format!("{folder}/")) }
}

/// A moment, or the beginning of a day in UTC, in milliseconds since 1970.
fn until(text: &str) -> Result<u64, String> {
    let day = || format!("{}T00:00:00Z", text.parse::<Date>().ok()?).parse::<Timestamp>().ok();
    let moment = text.parse::<Timestamp>().ok().or_else(day);
    let moment = moment.ok_or_else(|| format!("`{text}` is not a time such as 2027-01-01T12:00:00Z"))?;
    u64::try_from(moment.as_millisecond()).map_err(|_| format!("{text} is before 1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(digit: char) -> String {
        format!("w1:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn lines_say_who_may_do_what() {
        let (one, two, three) = (fingerprint('1'), fingerprint('2'), fingerprint('3'));
        let text = format!(
            "# who\n\nclient {one}\nclient {two} until=1970-01-02 rights=list,read folder=a/b/ # them\n  relay {three}\n"
        );
        let keys = Keys::read(&text, "keys").unwrap();
        let second = Rights {
            folder: "a/b/".to_owned(),
            until_ms: Some(86_400_000),
            ..Rights::only([Right::Read, Right::List])
        };
        let clients = vec![(one.parse().unwrap(), Rights::all()), (two.parse().unwrap(), second)];
        assert_eq!(keys, Keys { clients, relays: vec![three.parse().unwrap()] });
        assert_eq!(until("2027-01-01T12:00:00+02:00"), until("2027-01-01T10:00:00Z"));
    }

    #[test]
    fn a_line_that_cannot_be_read_spoils_the_file() {
        let one = fingerprint('1');
        for (line, why) in [
            ("client", "a fingerprint is missing"),
            ("client w1:00", "`w1:00` is not a fingerprint"),
            (&format!("friend {one}"), "`friend` is neither client nor relay"),
            (&format!("relay {one} rights=read"), "a relay has no rights of its own"),
            (&format!("client {one} rights=read,fly"), "`fly` is not a right"),
            (&format!("client {one} rights="), "`` is not a right"),
            (&format!("client {one} folder=../x"), "`../x` is not a folder"),
            (&format!("client {one} folder=/"), "`/` is not a folder"),
            (&format!("client {one} until=soon"), "`soon` is not a time"),
            (&format!("client {one} until=1960-01-01"), "is before 1970"),
            (&format!("client {one} read"), "`read` is not NAME=VALUE"),
            (&format!("client {one} rights=read rights=write"), "rights is there twice"),
            (&format!("client {one}\nclient {one}"), "is there twice"),
        ] {
            let error = Keys::read(line, "keys").unwrap_err().to_string();
            assert!(error.starts_with("keys, line ") && error.contains(why), "{line}: {error}");
        }
    }
}
