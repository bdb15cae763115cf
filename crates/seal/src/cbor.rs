//! CBOR as attestation documents use it: definite lengths, integers in their shortest form, nothing behind the end.
//!
//! A value of bytes or text is a part of the input; nothing is allocated.

/// The largest depth that is passed over; documents have three.
const MOST_LEVELS: usize = 8;

/// What is left of some input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cbor<'a> {
    rest: &'a [u8],
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const NULL: u8 = 0xf6;

impl<'a> Cbor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Kind and number of the next head.
    fn head(&mut self) -> Option<(u8, u64)> {
        let (&first, rest) = self.rest.split_first()?;
        let width = match first & 0x1f {
            short @ 0..24 => {
                self.rest = rest;
                return Some((first >> 5, short.into()));
            }
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        let (digits, rest) = rest.split_at_checked(width)?;
        let number = digits.iter().fold(0, |number: u64, digit| number << 8 | u64::from(*digit));
        let least = if width == 1 { 24 } else { 1 << (width * 4) };
        self.rest = rest;
        (number >= least).then_some((first >> 5, number))
    }

    fn head_of(&mut self, kind: u8) -> Option<u64> {
        self.head().filter(|(found, _)| *found == kind).map(|(_, number)| number)
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        self.head_of(UNSIGNED)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.head_of(BYTES)?;
        self.take(count)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let count = self.head_of(TEXT)?;
        std::str::from_utf8(self.take(count)?).ok()
    }

    /// How many values follow.
    pub(crate) fn array(&mut self) -> Option<u64> {
        self.head_of(ARRAY)
    }

    /// How many pairs follow.
    pub(crate) fn map(&mut self) -> Option<u64> {
        self.head_of(MAP)
    }

    /// Passes over the tag, if it is there.
    pub(crate) fn skip_tag(&mut self, tag: u64) {
        let mut ahead = *self;
        if ahead.head() == Some((TAG, tag)) {
            *self = ahead;
        }
    }

    /// Passes over null, if it is there.
    pub(crate) fn skip_null(&mut self) -> bool {
        let null = self.rest.first() == Some(&NULL);
        if null {
            self.rest = &self.rest[1..];
        }
        null
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self) -> Option<()> {
        self.skip_below(MOST_LEVELS)
    }

    fn skip_below(&mut self, levels: usize) -> Option<()> {
        let levels = levels.checked_sub(1)?;
        if self.skip_null() {
            return Some(());
        }
        let (kind, number) = self.head()?;
        match kind {
            UNSIGNED | NEGATIVE => Some(()),
            BYTES | TEXT => self.take(number).map(|_| ()),
            // A loop as long as a length claims ends where the input does.
            ARRAY => (0..number).try_for_each(|_| self.skip_below(levels)),
            MAP => {
                (0..number).try_for_each(|_| self.skip_below(levels).and_then(|()| self.skip_below(levels)))
            }
            _ => None,
        }
    }
}

/// Writes text.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_head(out, TEXT, text.len());
    out.extend(text.as_bytes());
}

/// Writes the head of bytes.
pub(crate) fn put_bytes_head(out: &mut Vec<u8>, count: usize) {
    put_head(out, BYTES, count);
}

fn put_head(out: &mut Vec<u8>, kind: u8, count: usize) {
    let major = kind << 5;
    let count = count as u64;
    match count {
        0..24 => out.push(major | count.to_le_bytes()[0]),
        24..0x100 => out.extend([major | 24, count.to_le_bytes()[0]]),
        0x100..0x1_0000 => {
            out.push(major | 25);
            out.extend(&count.to_be_bytes()[6..]);
        }
        _ => {
            out.push(major | 26);
            out.extend(&count.to_be_bytes()[4..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        let read = |bytes: &'static [u8]| Cbor::new(bytes).unsigned();
        assert_eq!(read(&[0x17]), Some(23));
        assert_eq!(read(&[0x18, 24]), Some(24));
        assert_eq!(read(&[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]), Some(1 << 32));
        for wrong in [
            &[0x18, 23][..],
            &[0x19, 0, 255],
            &[0x1a, 0, 0, 255, 255],
            &[0x1b, 0, 0, 0, 0, 255, 255, 255, 255],
            &[0x1f],
            &[],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn lengths_are_not_believed() {
        for kind in [0x5b, 0x7b, 0x9b, 0xbb] {
            let bytes = [&[kind][..], &[0xff; 8]].concat();
            assert_eq!(Cbor::new(&bytes).skip(), None);
        }
        assert_eq!(Cbor::new(&[0x81; 100_000]).skip(), None);
    }

    #[test]
    fn heads_that_are_written_are_read() {
        for count in [0, 23, 24, 255, 256, 65_535, 65_536] {
            let mut bytes = Vec::new();
            put_bytes_head(&mut bytes, count);
            bytes.resize(bytes.len() + count, 7);
            assert_eq!(Cbor::new(&bytes).bytes().map(<[u8]>::len), Some(count));
        }
    }
}
