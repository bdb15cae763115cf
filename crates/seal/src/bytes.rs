//! Reading fields out of bytes: no step goes past the end, and nothing is allocated by what a length claims.

/// What is left of some bytes.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    whole: usize,
}

/// The bytes end before a field does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes end at {end}, inside a field that begins at {at} and has {count} bytes")]
pub struct Short {
    at: usize,
    end: usize,
    count: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, whole: bytes.len() }
    }

    /// How many bytes were taken.
    pub(crate) fn at(&self) -> usize {
        self.whole - self.rest.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Short> {
        let short = Short { at: self.at(), end: self.whole, count };
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(short)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u16_be(&mut self) -> Result<u16, Short> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32_be(&mut self) -> Result<u32, Short> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16_le(&mut self) -> Result<u16, Short> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32_le(&mut self) -> Result<u32, Short> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64_le(&mut self) -> Result<u64, Short> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5]);
        assert_eq!((reader.take(3), reader.at()), (Ok(&[1, 2, 3][..]), 3));
        assert_eq!(reader.u32_le(), Err(Short { at: 3, end: 5, count: 4 }));
        assert_eq!(reader.take(usize::MAX), Err(Short { at: 3, end: 5, count: usize::MAX }));
        assert_eq!(reader.take(2), Ok(&[4, 5][..]));
        assert!(reader.rest().is_empty());
    }
}
