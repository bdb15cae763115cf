//! Server-sent events, as far as brokers send them: an id, data in one line, and comments that keep the line open.

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Where to go on after it.
    pub(crate) id: String,
    /// Its data.
    pub(crate) data: String,
}

/// The longest event, in bytes. A record of a gang of a thousand nodes has some hundred kilobytes.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// Puts bytes, as they arrive, together to events.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
    /// Up to where lines were taken out.
    taken: usize,
    /// Up to where no end of a line is.
    seen: usize,
    next: Sent,
}

impl Reader {
    /// Takes bytes in.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.seen -= self.taken;
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole event.
    ///
    /// # Errors
    /// When an event has no end.
    pub(crate) fn next(&mut self) -> Result<Option<Sent>, String> {
        while let Some(line) = self.line() {
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() && !self.next.data.is_empty() => {
                    return Ok(Some(std::mem::take(&mut self.next)));
                }
                "id" => value.clone_into(&mut self.next.id),
                "data" => self.next.data.push_str(value),
                // Comments begin with a colon; other fields mean nothing to us.
                _ => {}
            }
            self.bounded()?;
        }
        self.bounded().map(|()| None)
    }

    /// However many lines it has.
    fn bounded(&self) -> Result<(), String> {
        let line = self.seen - self.taken;
        match line + self.next.data.len() + self.next.id.len() > MAX_EVENT_BYTES {
            true => Err(format!("an event of more than {MAX_EVENT_BYTES} bytes")),
            false => Ok(()),
        }
    }

    fn line(&mut self) -> Option<String> {
        let Some(at) = self.bytes[self.seen..].iter().position(|byte| *byte == b'\n') else {
            self.seen = self.bytes.len();
            return None;
        };
        let end = self.seen + at;
        let line = String::from_utf8_lossy(&self.bytes[self.taken..end]).trim_end_matches('\r').to_owned();
        self.taken = end + 1;
        self.seen = self.taken;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_are_cut() {
        let text =
            b": hello\n\nid: 1.0\ndata: {\"a\":1}\n\nevent: x\r\nid: 2.7\r\ndata: b\r\n\r\n:\n\nid: 3\n";
        let expected = [("1.0", "{\"a\":1}"), ("2.7", "b")];
        for size in 1..text.len() {
            let mut reader = Reader::default();
            let mut found = Vec::new();
            for piece in text.chunks(size) {
                reader.push(piece);
                while let Some(sent) = reader.next().unwrap() {
                    found.push((sent.id, sent.data));
                }
            }
            let found: Vec<(&str, &str)> = found.iter().map(|(id, data)| (&**id, &**data)).collect();
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    /// In one line, and in any number of them.
    #[test]
    fn an_event_without_end_is_refused() {
        let piece = "x".repeat(1 << 20);
        for (before, after) in [("", ""), ("data: ", "\n"), ("id: ", "")] {
            let mut reader = Reader::default();
            let refused = (0..20).find_map(|_| {
                reader.push(format!("{before}{piece}{after}").as_bytes());
                reader.next().err()
            });
            assert!(refused.is_some_and(|words| words.contains("bytes")), "{before:?}");
        }
        // Any number of events is none too long, nor is what keeps a line open.
        let mut reader = Reader::default();
        for _ in 0..20 {
            reader.push(format!("data: {piece}\n\n:{piece}\n").as_bytes());
            let sent = reader.next().unwrap().unwrap();
            assert_eq!((sent.data.len(), reader.next()), (piece.len(), Ok(None)));
        }
    }
}
