//! Bytes of messages: numbers from the lowest byte on, lists with their length before them.
//!
//! Nothing that a length claims is believed: a list takes memory as its elements are there.

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message cannot be read: {0}")]
pub struct Unreadable(pub(crate) &'static str);

/// Writes.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    pub(crate) fn small(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    pub(crate) fn long(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    pub(crate) fn single(&mut self, number: f32) {
        self.small(number.to_bits());
    }

    pub(crate) fn double(&mut self, number: f64) {
        self.long(number.to_bits());
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.small(u32::try_from(length).unwrap_or(u32::MAX));
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn list<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.length(list.len());
        list.iter().for_each(|one| each(self, one));
    }
}

/// Reads.
#[derive(Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Unreadable("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Unreadable> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Unreadable> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Unreadable("a flag is neither 0 nor 1")),
        }
    }

    pub(crate) fn small(&mut self) -> Result<u32, Unreadable> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn long(&mut self) -> Result<u64, Unreadable> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn single(&mut self) -> Result<f32, Unreadable> {
        Ok(f32::from_bits(self.small()?))
    }

    pub(crate) fn double(&mut self) -> Result<f64, Unreadable> {
        Ok(f64::from_bits(self.long()?))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Unreadable> {
        let length = self.small()? as usize;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Result<String, Unreadable> {
        let text = std::str::from_utf8(self.bytes()?).map_err(|_| Unreadable("a text is not UTF-8"))?;
        Ok(text.to_owned())
    }

    /// A list whose elements take a byte at least.
    pub(crate) fn list<T>(
        &mut self,
        each: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        self.at_most(usize::MAX, each)
    }

    /// A list of no more than so many elements: they may take more memory than bytes.
    pub(crate) fn at_most<T>(
        &mut self,
        most: usize,
        mut each: impl FnMut(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, Unreadable> {
        let length = self.small()?;
        if length as usize > most {
            return Err(Unreadable("a list is longer than any that is needed"));
        }
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(each(self)?);
        }
        Ok(list)
    }

    pub(crate) fn end(&self) -> Result<(), Unreadable> {
        if self.0.is_empty() { Ok(()) } else { Err(Unreadable("something follows its end")) }
    }
}
