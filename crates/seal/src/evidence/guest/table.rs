//! The table of certificates that a host gives with a report of SEV-SNP.
//!
//! Entries of 24 bytes, the last of which is all zeros, then the certificates. An entry has the GUID of what it is, in the order in which it
//! is printed, and where it begins, from the beginning of the table, and how long it is, the least significant byte first.
//!
//! Source: AMD 56421, SEV-ES Guest-Hypervisor Communication Block Standardization, 2.03, section 4.1.8.1; Linux, `sev-guest.c`
//! (`struct snp_msg_cert_entry`), which cuts the table behind the last certificate and at 16 KiB.

use super::GuestError;
use crate::bytes::{Reader, Short};
use crate::x509::read_certificates;

/// Keys of the chip and of its operator, and the authority and root above them. Whatever else a host puts there, such as lists of
/// what was revoked, is passed over.
const CERTIFICATES: [[u8; 16]; 4] = [
    // VCEK: 63da758d-e664-4564-adc5-f4b93be8accd
    [0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd],
    // VLEK: a8074bc2-a25a-483e-aae6-39c045a0b8a1
    [0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1],
    // ASK: 4ab7b379-bbac-4fe4-a02f-05aef327c782
    [0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82],
    // ARK: c0b406a4-a803-4952-9743-3fb6014cd0ae
    [0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae],
];

/// Six kinds of entry are defined. Entries may point at the same bytes, so that without a bound a small table would become large.
const MOST_ENTRIES: usize = 16;

pub(super) fn read(table: &[u8]) -> Result<Vec<Vec<u8>>, GuestError> {
    let short = |_: Short| GuestError::Table("its entries have no end");
    let mut certificates = Vec::new();
    // A host that has no certificates gives nothing, or zeros.
    if table.iter().all(|byte| *byte == 0) {
        return Ok(certificates);
    }
    let mut entries = Reader::new(table);
    for _ in 0..MOST_ENTRIES {
        let guid: [u8; 16] = entries.array().map_err(short)?;
        let (offset, length) = (entries.u32_le().map_err(short)?, entries.u32_le().map_err(short)?);
        if guid == [0; 16] && offset == 0 && length == 0 {
            return Ok(certificates);
        }
        let bytes = table.get(offset as usize..).and_then(|bytes| bytes.get(..length as usize));
        let bytes = bytes.ok_or(GuestError::Table("an entry lies outside of it"))?;
        if CERTIFICATES.contains(&guid) {
            certificates.extend(read_certificates(bytes)?);
        }
    }
    Err(GuestError::Table("it has too many entries"))
}
