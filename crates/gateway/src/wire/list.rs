//! Lists as bodies of messages, and back within a bound: a few bytes of JSON can stand for many of memory.

use crate::wire::message::Body;
use bytes::Bytes;
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use welkin_store::{Failure, FailureKind};

/// Lists as bodies.
pub(crate) fn json(value: &impl Serialize) -> Body {
    Body::Bytes(Bytes::from(serde_json::to_vec(value).expect("lists are plain data")))
}

/// The first `length` bytes as a list of at most `most`.
pub(crate) fn parse<T: DeserializeOwned>(
    bytes: &[u8],
    length: usize,
    most: usize,
) -> Result<Vec<T>, Failure> {
    let mut json = serde_json::Deserializer::from_slice(bytes.get(..length).unwrap_or_default());
    let list = (&mut json).deserialize_seq(Bounded { most, item: PhantomData });
    let list = list.and_then(|list| json.end().map(|()| list));
    list.map_err(|error| Failure::new(FailureKind::Invalid, "read a list", error.to_string()))
}

struct Bounded<T> {
    most: usize,
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Bounded<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {}", self.most)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            if list.len() == self.most {
                return Err(A::Error::custom(format!("it is longer than {}", self.most)));
            }
            list.push(item);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_up_to_their_bound() {
        let read = |text: &str, most| parse::<String>(text.as_bytes(), text.len(), most);
        assert_eq!(read(r#"["a","b"]"#, 2).unwrap(), ["a", "b"]);
        assert_eq!(read("[]", 0).unwrap(), [""; 0]);
        for wrong in [r#"["a","b","c"]"#, r#"["a",1]"#, r#"["a"]x"#, "{}", "", "[", r#"["a"#] {
            assert_eq!(read(wrong, 2).unwrap_err().kind, FailureKind::Invalid, "{wrong}");
        }
    }
}
