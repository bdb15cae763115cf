//! DER, strictly: lengths in their shortest form, tags of one byte, nothing behind the last value that is expected.

/// Bytes that hold values one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Der<'a> {
    rest: &'a [u8],
}

/// A value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag and length too.
    pub(crate) raw: &'a [u8],
}

/// Tags that certificates use.
pub(crate) struct Tag;

impl Tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OBJECT: u8 = 0x06;
    pub(crate) const UTF8: u8 = 0x0c;
    pub(crate) const PRINTABLE: u8 = 0x13;
    pub(crate) const IA5: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// A constructed value with this number in its context.
    pub(crate) const fn context(number: u8) -> u8 {
        0xa0 | number
    }
}

impl<'a> Der<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, whatever its tag.
    pub(crate) fn any(&mut self) -> Option<Value<'a>> {
        let (&tag, after) = self.rest.split_first()?;
        // The number of a tag that does not fit into its byte: no certificate has one.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, after) = length(after)?;
        let (content, rest) = after.split_at_checked(length)?;
        let raw = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Some(Value { tag, content, raw })
    }

    pub(crate) fn value(&mut self, tag: u8) -> Option<Value<'a>> {
        self.any().filter(|value| value.tag == tag)
    }

    pub(crate) fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.value(tag).map(|value| value.content)
    }

    /// A value that is made of values.
    pub(crate) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.content(tag).map(Self::new)
    }

    /// A value that may be left out.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<Value<'a>>> {
        if self.peek() == Some(tag) { self.value(tag).map(Some) } else { Some(None) }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Option<()> {
        self.is_empty().then_some(())
    }

    /// The bits of a bit string that fills its bytes.
    pub(crate) fn bytes_of_bits(&mut self) -> Option<&'a [u8]> {
        match self.content(Tag::BIT_STRING)?.split_first()? {
            (0, bits) => Some(bits),
            _ => None,
        }
    }

    /// An integer that is not negative and fits.
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let content = self.content(Tag::INTEGER)?;
        let digits = match content {
            [0] => content,
            // A zero in front only where the number would be negative without it.
            [0, next, ..] if *next >= 0x80 => &content[1..],
            [first, ..] if (1..0x80).contains(first) => content,
            _ => return None,
        };
        if digits.len() > 8 {
            return None;
        }
        Some(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
    }
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), rest));
    }
    // Four bytes of length are more than any file here has; 0x80 would be a length that is not said.
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return None;
    }
    let (digits, rest) = rest.split_at_checked(count)?;
    let length = digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
    let shortest = digits[0] != 0 && length >= 0x80;
    shortest.then_some((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_spelling() {
        let read = |bytes: &'static [u8]| Der::new(bytes).any().map(|value| value.content);
        assert_eq!(read(&[0x04, 0x02, 1, 2]), Some(&[1, 2][..]));
        for wrong in [
            &[0x04][..],
            &[0x04, 0x03, 1, 2],
            &[0x04, 0x81, 0x02, 1, 2],
            &[0x04, 0x82, 0x00, 0x81, 1],
            &[0x04, 0x80, 0, 0],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x04, 0x85, 0, 0, 0, 0, 0],
            &[0x1f, 0x01, 0x00],
        ] {
            assert!(Der::new(wrong).any().is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        let read = |bytes: &[u8]| Der::new(bytes).unsigned();
        assert_eq!(read(&[2, 1, 0]), Some(0));
        assert_eq!(read(&[2, 2, 0, 0x80]), Some(128));
        assert_eq!(read(&[2, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]), Some(u64::MAX));
        for wrong in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1], &[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
