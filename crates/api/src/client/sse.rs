//! Server-sent events, as far as brokers send them: an id, data in one line, and comments that keep the line open.

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Where to go on after it.
    pub(super) id: String,
    /// Its data.
    pub(super) data: String,
}

/// The longest event, in bytes. A record of a gang of a thousand nodes has some hundred kilobytes.
const MAX_EVENT_BYTES: usize = 16 << 20;

/// Puts bytes, as they arrive, together to events.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    /// Up to where no end of a line is.
    seen: usize,
    next: Sent,
}

impl Reader {
    /// Takes bytes in.
    ///
    /// # Errors
    /// When an event has no end.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.bytes.extend_from_slice(bytes);
        match self.bytes.len() + self.next.data.len() > MAX_EVENT_BYTES && !self.bytes.contains(&b'\n') {
            true => Err(format!("an event of more than {MAX_EVENT_BYTES} bytes")),
            false => Ok(()),
        }
    }

    /// The next whole event.
    pub(super) fn next(&mut self) -> Option<Sent> {
        while let Some(line) = self.line() {
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() && !self.next.data.is_empty() => {
                    return Some(std::mem::take(&mut self.next));
                }
                "id" => value.clone_into(&mut self.next.id),
                "data" => self.next.data.push_str(value),
                // Comments begin with a colon; other fields mean nothing to us.
                _ => {}
            }
        }
        None
    }

    fn line(&mut self) -> Option<String> {
        let Some(at) = self.bytes[self.seen..].iter().position(|byte| *byte == b'\n') else {
            self.seen = self.bytes.len();
            return None;
        };
        let end = self.seen + at;
        let line = String::from_utf8_lossy(&self.bytes[..end]).trim_end_matches('\r').to_owned();
        self.bytes.drain(..=end);
        self.seen = 0;
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
                reader.push(piece).unwrap();
                while let Some(sent) = reader.next() {
                    found.push((sent.id, sent.data));
                }
            }
            let found: Vec<(&str, &str)> = found.iter().map(|(id, data)| (&**id, &**data)).collect();
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut reader = Reader::default();
        reader.push(b"data: ").unwrap();
        let refused = (0..20).find_map(|_| reader.push(&vec![b'x'; 1 << 20]).err());
        assert!(refused.is_some_and(|words| words.contains("bytes")));
    }
}
