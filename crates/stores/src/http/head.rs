//! Heads of requests, built line by line.
//!
//! *Guarantee:* what [`Head::checked`] gives out has the request line and the lines that were added, and no others.
//! Names are tokens (RFC 9110, section 5.6.2), and no value has a character that ends a line. Values come from
//! listings, from other people's metadata and from settings; a request with one that does not fit is not sent.

use crate::http::HttpError;

/// A request's head, but for `Content-Length` and the empty line.
#[derive(Debug)]
pub(crate) struct Head {
    text: String,
    lines: usize,
    fault: Option<String>,
}

impl Head {
    /// The request line. `target` is the path with its query, percent-encoded.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        let mut head = Self { text: format!("{method} {target} HTTP/1.1\r\n"), lines: 1, fault: None };
        if !is_token(method)
            || !target.starts_with('/')
            || !target.bytes().all(|byte| byte.is_ascii_graphic())
        {
            head.fault = Some("its address has characters that an address cannot have".to_owned());
        }
        head
    }

    /// Adds a line. What is wrong with it is told when the head is sent.
    pub(crate) fn line(&mut self, name: &str, value: &str) {
        if !is_token(name) {
            let why = format!("{name:?} cannot be the name of a header");
            self.fault.get_or_insert(why);
        } else if !is_value(value) {
            let why = format!("the value of {name} has a line break or another control character");
            self.fault.get_or_insert(why);
        }
        for piece in [name, ": ", value, "\r\n"] {
            self.text.push_str(piece);
        }
        self.lines += 1;
    }

    /// What was built, sound or not.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes, if they have exactly the lines that were added.
    pub(super) fn checked(&self) -> Result<&[u8], HttpError> {
        if let Some(why) = &self.fault {
            return Err(HttpError::Head(why.clone()));
        }
        // Counted apart from the checks above: whatever they let through, nothing is smuggled in.
        let bytes = self.text.as_bytes();
        let ends = |byte| bytes.iter().filter(|known| **known == byte).count();
        let both = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
        if (both, ends(b'\r'), ends(b'\n'), ends(0)) == (self.lines, self.lines, self.lines, 0) {
            Ok(bytes)
        } else {
            Err(HttpError::Head("it has lines of its own".to_owned()))
        }
    }
}

/// Whether lines that were checked are those of a request with that method.
pub(super) fn is(lines: &[u8], method: &str) -> bool {
    lines.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b" "))
}

/// Whether a text may be the name of a header.
pub(crate) fn is_token(text: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(may)
}

/// Whether a text may be the value of a header.
pub(crate) fn is_value(text: &str) -> bool {
    // Counted to the end, which is done for many bytes at a time: nearly all are good.
    text.bytes().filter(|byte| *byte != b'\t' && (*byte < b' ' || *byte == 0x7f)).count() == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn built(target: &str, name: &str, value: &str) -> Head {
        let mut head = Head::new("GET", target);
        head.line("host", "h");
        head.line(name, value);
        head
    }

    #[test]
    fn lines_are_the_ones_that_were_added() {
        let head = built("/a?b=c", "x-amz-meta-a", "größe, 1");
        assert_eq!(
            head.checked().unwrap(),
            "GET /a?b=c HTTP/1.1\r\nhost: h\r\nx-amz-meta-a: größe, 1\r\n".as_bytes()
        );
        for (target, name, value) in [
            ("/a b", "n", "v"),
            ("/a\r\nx: y", "n", "v"),
            ("", "n", "v"),
            ("*", "n", "v"),
            ("/é", "n", "v"),
            ("/", "", "v"),
            ("/", "n: v\r\nx", "v"),
            ("/", "n x", "v"),
            ("/", "n:", "v"),
            ("/", "größe", "v"),
            ("/", "n", "v\r\nx: y"),
            ("/", "n", "v\n"),
            ("/", "n", "v\r"),
            ("/", "n", "v\0"),
            ("/", "n", "v\u{1b}[2J"),
            ("/", "n", "v\u{7f}"),
        ] {
            let error = built(target, name, value).checked().unwrap_err();
            assert!(matches!(error, HttpError::Head(_)), "{target:?} {name:?} {value:?}: {error}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_not_shown() {
        let error = built("/", "authorization", "Bearer hunter2\r\n").checked().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    proptest! {
        /// Whoever reads what is sent finds what was added.
        #[test]
        fn a_head_is_read_as_it_was_built(target in "/[ -~]{0,20}|.{0,20}", name in "[a-zA-Z-]{1,12}|.{0,12}", value in ".{0,24}|[ -~\\r\\n]{0,24}") {
            if let Ok(bytes) = built(&target, &name, &value).checked() {
                let mut headers = [httparse::EMPTY_HEADER; 8];
                let mut request = httparse::Request::new(&mut headers);
                let whole = [bytes, b"\r\n"].concat();
                prop_assert_eq!(request.parse(&whole).unwrap(), httparse::Status::Complete(whole.len()));
                prop_assert_eq!((request.method, request.path), (Some("GET"), Some(target.as_str())));
                prop_assert_eq!(request.headers.len(), 2);
                prop_assert_eq!(request.headers[1].name, name.as_str());
                let trimmed = value.trim_matches([' ', '\t']);
                prop_assert_eq!(request.headers[1].value, trimmed.as_bytes());
            }
        }
    }
}
