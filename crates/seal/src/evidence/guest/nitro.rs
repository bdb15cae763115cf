//! What a program in a Nitro Enclave says to its security module, and what it is answered: CBOR both ways.
//!
//! ```text
//! {"Attestation": {"user_data": report data, "nonce": null, "public_key": null}}
//! {"Attestation": {"document": COSE_Sign1}} or {"Error": name}
//! ```
//!
//! The binding goes into `user_data`, since that is what is compared with it; the other two stay empty.
//!
//! Source: AWS, aws-nitro-enclaves-nsm-api, `src/api/mod.rs` (`Request`, `Response`, `ErrorCode`), in the spelling of its encoder;
//! Linux, include/uapi/linux/nsm.h (`NSM_REQUEST_MAX_SIZE`, `NSM_RESPONSE_MAX_SIZE`).

use super::GuestError;
use crate::cbor::{Cbor, put_bytes_head, put_text};
use crate::evidence::file::detect;
use crate::evidence::nitro::user_data;
use crate::evidence::{Evidence, Kind};

const KIND: Kind = Kind::Nitro;
/// Of a name that is told: those of AWS have 16 at most.
const MOST_LETTERS: usize = 64;
const MAP_OF_1: u8 = 0xa1;
const MAP_OF_3: u8 = 0xa3;
const NULL: u8 = 0xf6;

impl Evidence {
    /// What the security module of a Nitro Enclave is asked, so that its document is about these bytes.
    #[must_use]
    pub fn ask_nitro(bytes: &[u8; 64]) -> Vec<u8> {
        let mut request = vec![MAP_OF_1];
        put_text(&mut request, "Attestation");
        request.push(MAP_OF_3);
        put_text(&mut request, "user_data");
        put_bytes_head(&mut request, bytes.len());
        request.extend(bytes);
        for name in ["nonce", "public_key"] {
            put_text(&mut request, name);
            request.push(NULL);
        }
        request
    }

    /// Evidence from the security module's answer to that.
    ///
    /// # Errors
    /// Where it refused, or its answer is none, or one about other bytes.
    pub fn of_nitro(answer: &[u8], asked: &[u8; 64]) -> Result<Self, GuestError> {
        let unknown = GuestError::Report(KIND, answer.len());
        let document = match read(answer).ok_or(unknown)? {
            Answer::Document(document) => document,
            Answer::Error(name) => {
                return Err(GuestError::Refused(KIND, name.chars().take(MOST_LETTERS).collect()));
            }
        };
        if detect(document) != Some(KIND) {
            return Err(GuestError::Report(KIND, document.len()));
        }
        let found = user_data(document).map_err(|error| GuestError::Malformed(KIND, error))?;
        if found != Some(asked) {
            return Err(GuestError::Other(KIND));
        }
        Ok(Self { kind: KIND, body: document.to_vec(), certificates: Vec::new(), collateral: None })
    }
}

enum Answer<'a> {
    Document(&'a [u8]),
    Error(&'a str),
}

fn read(answer: &[u8]) -> Option<Answer<'_>> {
    let mut fields = Cbor::new(answer);
    fields.map().filter(|count| *count == 1)?;
    let answer = match fields.text()? {
        "Attestation" => {
            fields.map().filter(|count| *count == 1)?;
            fields.text().filter(|name| *name == "document")?;
            Answer::Document(fields.bytes()?)
        }
        "Error" => Answer::Error(fields.text()?),
        _ => return None,
    };
    fields.is_empty().then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cbor2.dumps` of Python, of the same request.
    const REQUEST: &str = "a16b4174746573746174696f6ea369757365725f646174615840\
        0707070707070707070707070707070707070707070707070707070707070707\
        0707070707070707070707070707070707070707070707070707070707070707\
        656e6f6e6365f66a7075626c69635f6b6579f6";

    #[test]
    fn a_request_is_spelled_as_others_spell_it() {
        assert_eq!(crate::to_hex(&Evidence::ask_nitro(&[7; 64])), REQUEST);
    }

    #[test]
    fn what_the_module_refuses_is_told_by_its_name() {
        let refused = [&[MAP_OF_1, 0x65][..], b"Error", &[0x6d], b"InternalError"].concat();
        let of = |answer: &[u8]| Evidence::of_nitro(answer, &[7; 64]);
        assert_eq!(of(&refused), Err(GuestError::Refused(KIND, "InternalError".to_owned())));
        for length in 0..refused.len() {
            assert_eq!(of(&refused[..length]), Err(GuestError::Report(KIND, length)));
        }
        assert!(matches!(of(&[&refused[..], &[0]].concat()), Err(GuestError::Report(..))));
        // No more of a name is told than names have.
        let long = [&[MAP_OF_1, 0x65][..], b"Error", &[0x79, 1, 0], &[b'x'; 256]].concat();
        assert_eq!(of(&long), Err(GuestError::Refused(KIND, "x".repeat(MOST_LETTERS))));
        // A document that is none, and the answer to another request.
        let document = [&[MAP_OF_1, 0x6b][..], b"Attestation", &[MAP_OF_1, 0x68], b"document", &[0x41, 0x84]];
        assert_eq!(of(&document.concat()), Err(GuestError::Report(KIND, 1)));
        let random = [&[MAP_OF_1, 0x69][..], b"GetRandom", &[MAP_OF_1, 0x66], b"random", &[0x41, 7]].concat();
        assert_eq!(of(&random), Err(GuestError::Report(KIND, random.len())));
    }
}
