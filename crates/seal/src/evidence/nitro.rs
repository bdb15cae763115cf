//! AWS Nitro Enclaves: documents of the hypervisor, signed by a key whose certificate lasts three hours and leads to AWS's
//! root through the document's own bundle.
//!
//! Source: AWS, Nitro Enclaves attestation process; RFC 9052 (`COSE_Sign1`).

mod document;

use super::{Claims, EvidenceError, Kind, Tcb};
use crate::cbor::put_bytes_head;
use crate::hex::HexBytes;
use crate::x509::{Certificate, Link, Root, verify_chain};
use document::Document;
use std::collections::BTreeMap;

/// SHA-256 of the key of AWS's root, `aws.nitro-enclaves`, G1.
const ROOTS: &[Root] = &[Root {
    name: "AWS Nitro Enclaves Root-G1",
    key: [
        0xf2, 0xca, 0xf5, 0xec, 0xc6, 0x19, 0x0b, 0x4a, 0x83, 0x99, 0xb7, 0x8b, 0xc5, 0x8a, 0x2b, 0xbc, 0xd0,
        0x38, 0x23, 0x75, 0xdb, 0x8a, 0x1b, 0xfd, 0x78, 0xa8, 0x27, 0x43, 0x87, 0x4f, 0xd2, 0x25,
    ],
}];

/// What a document has for user data, before anything is known of it.
pub(super) fn user_data(body: &[u8]) -> Result<Option<&[u8]>, EvidenceError> {
    Ok(Document::read(body)?.user_data)
}

pub(super) fn verify(body: &[u8], certificates: &[Vec<u8>], now: u64) -> Result<Claims, EvidenceError> {
    if !certificates.is_empty() {
        return Err(EvidenceError::Malformed("a document brings its certificates itself".to_owned()));
    }
    let document = Document::read(body)?;
    let mut chain = Vec::new();
    // The bundle begins with the root.
    for (number, raw) in (1..).zip([document.certificate].iter().chain(document.bundle.iter().rev())) {
        chain.push(Certificate::read(raw).map_err(|source| EvidenceError::Certificate { number, source })?);
    }
    let (root, links) = verify_chain(&chain, ROOTS, now)?;
    if !chain[0].key.verifies_p384_fixed(&signed(&document), document.signature) {
        return Err(EvidenceError::Signature("the document"));
    }
    Ok(claims(&document, root.name, links))
}

/// What COSE signs: a name, the protected header, nothing, and the payload.
fn signed(document: &Document<'_>) -> Vec<u8> {
    let mut bytes = vec![0x84, 0x6a];
    bytes.extend(b"Signature1");
    for part in [document.protected, &[], document.payload] {
        put_bytes_head(&mut bytes, part.len());
        bytes.extend(part);
    }
    bytes
}

fn claims(document: &Document<'_>, root: &'static str, chain: Vec<Link>) -> Claims {
    let bytes = |bytes: Option<&[u8]>| HexBytes(bytes.unwrap_or_default().to_vec());
    let named = |(number, value): &(u64, &[u8])| Some((Kind::register(*number)?, HexBytes(value.to_vec())));
    let measurements: BTreeMap<_, _> = document.pcrs.iter().filter_map(named).collect();
    let image = document.pcrs.iter().find(|(number, _)| *number == 0);
    let details = vec![
        ("module", document.module.to_owned()),
        ("made at (seconds since 1970)", (document.timestamp_ms / 1000).to_string()),
        ("public key", format!("{:?}", bytes(document.public_key))),
    ];
    Claims {
        kind: Kind::Nitro,
        root,
        chain,
        measurements,
        report_data: bytes(document.user_data),
        nonce: Some(bytes(document.nonce)),
        // An enclave in debug mode has zeros for its image.
        debug: image.is_none_or(|(_, value)| value.iter().all(|byte| *byte == 0)),
        tcb: Tcb::default(),
        details,
        digest: super::claims::digest(document.payload),
    }
}
