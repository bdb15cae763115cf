//! A TPM's quote: which registers, a hash of their values, and the question it was asked with.

use super::REGISTERS;
use crate::bytes::Reader;
use crate::evidence::EvidenceError;
use ring::digest::{SHA256, digest};

/// What a TPM's own words begin with: nobody has it sign such words from outside.
const MAGIC: u32 = 0xff54_4347;
const QUOTE: u16 = 0x8018;
const BANK_SHA256: u16 = 0x000b;
const SUM_BYTES: usize = 32;
/// Bytes with a bit for each register.
const MASK_BYTES: usize = REGISTERS.len() / 8;

#[derive(Debug)]
pub(in crate::evidence) struct Quote<'a> {
    /// As it was asked.
    pub(in crate::evidence) question: &'a [u8],
    /// The registers that were quoted, with their values.
    pub(super) registers: Vec<(usize, &'a [u8])>,
    /// How often it began again since the machine did.
    pub(super) restarts: u32,
}

impl<'a> Quote<'a> {
    /// Reads a quote, and holds the values against it.
    pub(in crate::evidence) fn read(message: &'a [u8], values: &'a [u8]) -> Result<Self, EvidenceError> {
        let malformed = |what: &str| EvidenceError::Malformed(format!("the TPM's quote: {what}"));
        let mut fields = Reader::new(message);
        if (fields.u32_be()?, fields.u16_be()?) != (MAGIC, QUOTE) {
            return Err(malformed("it is another statement, or none of a TPM"));
        }
        let _name_of_the_key = sized(&mut fields)?;
        let question = sized(&mut fields)?;
        let _clock = fields.take(8)?;
        let _resets = fields.u32_be()?;
        let restarts = fields.u32_be()?;
        let _clock_is_safe_and_firmware = fields.take(9)?;
        let (banks, bank, mask_bytes) = (fields.u32_be()?, fields.u16_be()?, fields.take(1)?[0]);
        if (banks, bank, usize::from(mask_bytes)) != (1, BANK_SHA256, MASK_BYTES) {
            return Err(malformed("it is not of the registers with SHA-256 alone"));
        }
        let mask = fields.take(MASK_BYTES)?;
        let sum = sized(&mut fields)?;
        if !fields.rest().is_empty() {
            return Err(malformed("something follows its end"));
        }
        let chosen = (0..REGISTERS.len()).filter(|number| mask[number / 8] >> (number % 8) & 1 == 1);
        let chosen: Vec<usize> = chosen.collect();
        if values.len() != chosen.len() * SUM_BYTES {
            return Err(malformed("there is not one value for each of its registers"));
        }
        if *sum != *digest(&SHA256, values).as_ref() {
            return Err(EvidenceError::Unvouched("the values of the registers"));
        }
        let registers = chosen.into_iter().zip(values.chunks(SUM_BYTES)).collect();
        Ok(Self { question, registers, restarts })
    }
}

/// Bytes behind their length.
fn sized<'a>(fields: &mut Reader<'a>) -> Result<&'a [u8], EvidenceError> {
    let length = fields.u16_be()?;
    Ok(fields.take(length.into())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quote as a TPM writes it, of the registers 0, 8 and 23.
    fn message(question: &[u8], values: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_be_bytes().to_vec();
        bytes.extend(QUOTE.to_be_bytes());
        for part in [&[7; 34][..], question] {
            bytes.extend((part.len() as u16).to_be_bytes());
            bytes.extend(part);
        }
        bytes.extend([0; 8]);
        bytes.extend(3_u32.to_be_bytes());
        bytes.extend(2_u32.to_be_bytes());
        bytes.extend([1; 9]);
        bytes.extend([0, 0, 0, 1, 0, 0x0b, 3, 0b1, 0b1, 0b1000_0000, 0, 32]);
        bytes.extend(digest(&SHA256, values).as_ref());
        bytes
    }

    #[test]
    fn values_are_those_of_the_registers_that_were_quoted() {
        let values: Vec<u8> = (0..96).collect();
        let message = message(b"challenge", &values);
        let quote = Quote::read(&message, &values).unwrap();
        assert_eq!((quote.question, quote.restarts), (&b"challenge"[..], 2));
        assert_eq!(quote.registers, [(0, &values[..32]), (8, &values[32..64]), (23, &values[64..])]);
        for other in [&values[..64], &[&values[..], &[0; 32]].concat(), &[0; 96], &[]] {
            assert!(Quote::read(&message, other).is_err());
        }
        let mut swapped = values.clone();
        swapped.rotate_left(32);
        assert_eq!(
            Quote::read(&message, &swapped).err(),
            Some(EvidenceError::Unvouched("the values of the registers"))
        );
        for length in 0..message.len() {
            assert!(Quote::read(&message[..length], &values).is_err(), "cut at {length}");
        }
        assert!(Quote::read(&[&message[..], &[0]].concat(), &values).is_err());
    }

    #[test]
    fn other_statements_and_banks_are_no_quote() {
        let values = [5; 96];
        let message = message(b"", &values);
        let registers = message.len() - 34 - 10;
        for (at, byte) in [(0, 0), (5, 0x17), (registers + 3, 2), (registers + 5, 4), (registers + 6, 2)] {
            let mut other = message.clone();
            other[at] = byte;
            assert!(matches!(Quote::read(&other, &values), Err(EvidenceError::Malformed(_))), "{at}");
        }
    }
}
