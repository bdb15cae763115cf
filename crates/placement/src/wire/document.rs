//! The digest of a JSON document: of its values in their order, whatever blanks and escapes it was written with.

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Key of the digest itself, which counts as empty.
const ID: &str = "id";

/// The hex digest of a document but for its id.
pub(super) fn digest(bytes: &[u8]) -> Result<String, serde_json::Error> {
    let mut compact = Vec::with_capacity(bytes.len());
    let mut document = serde_json::Deserializer::from_slice(bytes);
    Compact { out: &mut compact, whole: true }.deserialize(&mut document)?;
    document.end()?;
    Ok(blake3::hash(&compact).to_hex().to_string())
}

/// Writes the next value as serde_json does: on one line, without blanks.
struct Compact<'a> {
    out: &'a mut Vec<u8>,
    /// Whether the value is the document as a whole.
    whole: bool,
}

impl Compact<'_> {
    fn write<E: Error>(self, value: impl Serialize) -> Result<(), E> {
        serde_json::to_writer(self.out, &value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Compact<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        document.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Compact<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.write(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.write(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.write(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        self.out.push(b'[');
        let first = self.out.len();
        while values.next_element_seed(Compact { out: self.out, whole: false })?.is_some() {
            self.out.push(b',');
        }
        close(self.out, first, b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.out.push(b'{');
        let first = self.out.len();
        while let Some(key) = entries.next_key::<String>()? {
            Compact { out: self.out, whole: false }.write(&key)?;
            self.out.push(b':');
            if self.whole && key == ID {
                entries.next_value::<IgnoredAny>()?;
                self.out.extend_from_slice(b"\"\"");
            } else {
                entries.next_value_seed(Compact { out: self.out, whole: false })?;
            }
            self.out.push(b',');
        }
        close(self.out, first, b'}');
        Ok(())
    }
}

/// Ends a list or a map that began at `first`, in place of the comma behind its last part.
fn close(out: &mut Vec<u8>, first: usize, end: u8) {
    if out.len() > first {
        out.pop();
    }
    out.push(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_escapes_and_the_id_do_not_count_and_all_else_does() {
        let one = digest(br#"{"id":"x","a":[1,-2,0.5,null,true,{}],"b":{"id":"y"},"c":"\u2192"}"#).unwrap();
        let again =
            "{ \"id\" : 7,\n \"a\": [1, -2, 0.5, null, true, { }], \"b\": {\"id\": \"y\"}, \"c\": \"→\" }\n";
        assert_eq!(digest(again.as_bytes()).unwrap(), one);
        for (old, new) in [("\"y\"", "\"z\""), ("0.5", "0.25"), ("{ }", "[]"), ("\"a\"", "\"d\"")] {
            assert_ne!(digest(again.replacen(old, new, 1).as_bytes()).unwrap(), one, "{new}");
        }
        assert!(digest(b"{} {}").is_err());
    }
}
