//! UBJSON as XGBoost writes and reads it: lengths are 64-bit integers, lists of numbers have a type.

use super::value::{Numbers, Value, sorted};
use super::{FormatError, MOST_LEVELS};

pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, value);
    bytes
}

fn put(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(b'Z'),
        Value::Bool(bool) => bytes.push(if *bool { b'T' } else { b'F' }),
        Value::Integer(integer) => {
            bytes.push(b'L');
            bytes.extend(integer.to_be_bytes());
        }
        Value::Real(real) => {
            bytes.push(b'D');
            bytes.extend(real.to_be_bytes());
        }
        Value::Text(text) => {
            bytes.push(b'S');
            put_text(bytes, text);
        }
        Value::List(list) => {
            bytes.extend(b"[#L");
            put_length(bytes, list.len());
            list.iter().for_each(|value| put(bytes, value));
        }
        Value::Numbers(numbers) => put_numbers(bytes, numbers),
        Value::Map(entries) => {
            bytes.push(b'{');
            for (name, value) in entries {
                put_text(bytes, name);
                put(bytes, value);
            }
            bytes.push(b'}');
        }
    }
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend((length as u64).to_be_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'L');
    put_length(bytes, text.len());
    bytes.extend(text.as_bytes());
}

fn put_numbers(bytes: &mut Vec<u8>, numbers: &Numbers) {
    let mut typed = |kind: u8| {
        bytes.extend([b'[', b'$', kind, b'#', b'L']);
        put_length(bytes, numbers.count());
    };
    match numbers {
        Numbers::F32(list) => {
            typed(b'd');
            list.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        }
        Numbers::F64(list) => {
            typed(b'D');
            list.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        }
        Numbers::U8(list) => {
            typed(b'U');
            bytes.extend(list);
        }
        Numbers::I32(list) => {
            typed(b'l');
            list.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        }
        Numbers::I64(list) => {
            typed(b'L');
            list.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
        }
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Value, FormatError> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(MOST_LEVELS)?;
    if reader.at < bytes.len() { Err(reader.error("something follows the end")) } else { Ok(value) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> FormatError {
        FormatError { at: self.at, what }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn byte(&mut self) -> Result<u8, FormatError> {
        let byte = self.peek().ok_or_else(|| self.error("the file ends too early"))?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), FormatError> {
        if self.peek() != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], FormatError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.error("a length goes beyond the end of the file"))?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    fn value(&mut self, levels: usize) -> Result<Value, FormatError> {
        let below = levels.checked_sub(1).ok_or_else(|| self.error("more levels than a model has"))?;
        let kind = self.byte()?;
        Ok(match kind {
            b'{' => self.map(below)?,
            b'[' => self.list(below)?,
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'S' => Value::Text(self.text()?),
            b'd' => Value::Real(f64::from(f32::from_be_bytes(self.array()?))),
            b'D' => Value::Real(f64::from_be_bytes(self.array()?)),
            _ => Value::Integer(self.integer(kind)?),
        })
    }

    /// The integer behind its marker.
    fn integer(&mut self, kind: u8) -> Result<i64, FormatError> {
        Ok(match kind {
            b'i' | b'C' => i64::from(i8::from_be_bytes(self.array()?)),
            b'U' => i64::from(self.byte()?),
            b'I' => i64::from(i16::from_be_bytes(self.array()?)),
            b'l' => i64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?),
            _ => {
                self.at -= 1;
                return Err(self.error("there is no such type"));
            }
        })
    }

    fn length(&mut self) -> Result<usize, FormatError> {
        let kind = self.byte()?;
        let length = self.integer(kind)?;
        usize::try_from(length).map_err(|_| self.error("a length is negative"))
    }

    fn text(&mut self) -> Result<String, FormatError> {
        let length = self.length()?;
        let bytes = self.bytes(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.error("a text is not UTF-8"))
    }

    fn map(&mut self, levels: usize) -> Result<Value, FormatError> {
        let mut entries = Vec::new();
        while self.peek() != Some(b'}') {
            entries.push((self.text()?, self.value(levels)?));
        }
        self.at += 1;
        sorted(entries).ok_or_else(|| self.error("a name stands twice in one map"))
    }

    fn list(&mut self, levels: usize) -> Result<Value, FormatError> {
        match self.peek() {
            Some(b'$') => {
                self.at += 1;
                let kind = self.byte()?;
                self.expect(b'#', "a list with a type has no length")?;
                let length = self.length()?;
                Ok(Value::Numbers(self.numbers(kind, length)?))
            }
            Some(b'#') => {
                self.at += 1;
                let length = self.length()?;
                // Not reserved: the length is a claim until the values are there, of at least a byte each.
                let values = (0..length).map(|_| self.value(levels)).collect::<Result<Vec<_>, _>>();
                values.map(Value::List)
            }
            _ => {
                let mut values = Vec::new();
                while self.peek() != Some(b']') {
                    values.push(self.value(levels)?);
                }
                self.at += 1;
                Ok(Value::List(values))
            }
        }
    }

    fn numbers(&mut self, kind: u8, length: usize) -> Result<Numbers, FormatError> {
        Ok(match kind {
            b'd' => Numbers::F32(self.each(length, f32::from_be_bytes)?),
            b'D' => Numbers::F64(self.each(length, f64::from_be_bytes)?),
            b'U' => Numbers::U8(self.bytes(length)?.to_vec()),
            b'i' => Numbers::I32(self.each(length, |bytes| i8::from_be_bytes(bytes).into())?),
            b'I' => Numbers::I32(self.each(length, |bytes| i16::from_be_bytes(bytes).into())?),
            b'l' => Numbers::I32(self.each(length, i32::from_be_bytes)?),
            b'L' => Numbers::I64(self.each(length, i64::from_be_bytes)?),
            _ => return Err(self.error("there is no such type for lists")),
        })
    }

    fn each<const N: usize, T>(
        &mut self,
        length: usize,
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>, FormatError> {
        let bytes =
            length.checked_mul(N).ok_or_else(|| self.error("a length goes beyond the end of the file"))?;
        Ok(self.bytes(bytes)?.as_chunks().0.iter().map(|bytes| number(*bytes)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let value = Value::map([
            ("f", Value::Numbers(Numbers::F32(vec![0.5, -1.0]))),
            ("g", Value::Numbers(Numbers::F64(vec![1e300]))),
            ("i", Value::Numbers(Numbers::I32(vec![-1, i32::MAX]))),
            ("l", Value::Numbers(Numbers::I64(vec![i64::MIN]))),
            ("u", Value::Numbers(Numbers::U8(vec![0, 255]))),
            ("list", Value::List(vec![Value::Null, Value::Bool(true), Value::Text("é".to_owned())])),
            ("n", Value::Integer(-3)),
            ("r", Value::Real(0.1)),
        ]);
        assert_eq!(read(&write(&value)), Ok(value));
    }

    #[test]
    fn lengths_are_not_believed() {
        let huge = i64::MAX.to_be_bytes();
        for (start, what) in [
            (&b"SL"[..], "a length goes beyond the end of the file"),
            (b"[$U#L", "a length goes beyond the end of the file"),
            (b"[$D#L", "a length goes beyond the end of the file"),
            (b"[#L", "the file ends too early"),
            (b"{L", "a length goes beyond the end of the file"),
            (b"[$Z#L", "there is no such type for lists"),
            (b"[$T#L", "there is no such type for lists"),
        ] {
            assert_eq!(read(&[start, &huge].concat()).unwrap_err().what, what);
        }
        assert_eq!(read(b"SL\xff\xff\xff\xff\xff\xff\xff\xff").unwrap_err().what, "a length is negative");
        assert_eq!(read(&b"[".repeat(100_000)).unwrap_err().what, "more levels than a model has");
        assert_eq!(read(b"x").unwrap_err(), FormatError { at: 0, what: "there is no such type" });
    }
}
