//! Intel: quotes of TDX (versions 4 and 5) and SGX (versions 3 to 5), and what Intel says of the versions of its firmware.
//!
//! A quote is signed by a key of the platform's quoting enclave, whose report is signed by the platform's key (PCK), whose certificate
//! leads to Intel's root. How new all of it is follows from two statements of Intel, which are signed, dated, and come along as
//! collateral, with lists of what was revoked.
//!
//! Source: Intel, SGX ECDSA Quote Library Reference (versions 3), TDX DCAP Quoting Library API (4, 5), SGX and TDX PCS API v4.

mod collateral;
mod platform;
mod quote;
mod status;

pub use collateral::Collateral;

use super::{Claims, EvidenceError, Kind, Tcb};
use crate::hex::HexBytes;
use crate::x509::{Certificate, Root, read_certificates, verifies_p256_raw, verify_chain};
use collateral::Statements;
use platform::Platform;
use quote::{Body, Quote};
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;

/// SHA-256 of the key of the Intel SGX Root CA.
const ROOTS: &[Root] = &[Root { name: "Intel SGX Root CA", key: ROOT_KEY }];
const ROOT_KEY: [u8; 32] = [
    0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4, 0x13, 0x2f, 0x91, 0x86, 0x06, 0x8a, 0x7f, 0xc1, 0x36,
    0x28, 0x63, 0x3b, 0xa2, 0x35, 0x77, 0x74, 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e,
];

/// What a quote has for report data, before anything is known of it.
pub(super) fn report_data(body: &[u8]) -> Result<&[u8], EvidenceError> {
    Ok(Quote::read(body)?.body.report_data())
}

pub(super) fn verify(
    kind: Kind,
    body: &[u8],
    certificates: &[Vec<u8>],
    collateral: Option<&Collateral>,
    now: u64,
) -> Result<Claims, EvidenceError> {
    let quote = Quote::read(body)?;
    if quote.kind() != kind || !certificates.is_empty() {
        return Err(EvidenceError::Malformed(
            "the quote is of another kind, or comes with certificates twice".to_owned(),
        ));
    }
    if !nothing_between(quote.chain) {
        return Err(EvidenceError::Malformed("something stands between its certificates".to_owned()));
    }
    let pems = read_certificates(quote.chain).map_err(|error| EvidenceError::Malformed(error.to_string()))?;
    let chain = read_all(&pems)?;
    let (root, links) = verify_chain(&chain, ROOTS, now)?;
    let [pck, issuer, ca] = &chain[..] else {
        return Err(EvidenceError::Missing("the platform's authority"));
    };
    check_signatures(&quote, pck)?;
    let collateral = collateral.ok_or_else(|| EvidenceError::Collateral("none is given".to_owned()))?;
    let statements = Statements::verify(collateral, ROOTS, now)?;
    statements.check_revocation(&[(pck, issuer), (issuer, ca)], now)?;
    let platform = Platform::read(pck)?;
    let verdict = status::judge(&quote, &platform, &statements)?;
    let mut tcb = Tcb { status: Some(verdict.status), advisories: verdict.advisories, ..Tcb::default() };
    tcb.components.insert("evaluation", statements.evaluation);
    let mut claims = Claims {
        kind,
        root: root.name,
        chain: links,
        measurements: BTreeMap::new(),
        report_data: HexBytes(quote.body.report_data().to_vec()),
        nonce: None,
        debug: quote.body.debug(),
        tcb,
        details: vec![
            ("quote version", quote.version.to_string()),
            ("platform (FMSPC)", crate::hex::to_hex(platform.fmspc)),
        ],
        digest: super::claims::digest(quote.signed),
    };
    measure(&quote.body, &mut claims);
    Ok(claims)
}

fn read_all(pems: &[Vec<u8>]) -> Result<Vec<Certificate<'_>>, EvidenceError> {
    let read = |(number, raw): (usize, &'_ Vec<u8>)| -> Result<(), EvidenceError> {
        Certificate::read(raw).map(drop).map_err(|source| EvidenceError::Certificate { number, source })
    };
    (1..).zip(pems).try_for_each(read)?;
    Ok(pems.iter().filter_map(|raw| Certificate::read(raw).ok()).collect())
}

/// Does the text hold certificates, and beside them line ends and the zero that ends it at most? Nothing of it is signed.
fn nothing_between(chain: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(chain) else { return false };
    let outside = |part: &str| {
        let rest = part.split_once("-----END CERTIFICATE-----").map_or(part, |(_, rest)| rest);
        rest.chars().all(|c| matches!(c, '\n' | '\r' | '\0'))
    };
    text.split("-----BEGIN CERTIFICATE-----").all(outside)
}

/// Platform → quoting enclave → key of quotes → quote.
fn check_signatures(quote: &Quote<'_>, pck: &Certificate<'_>) -> Result<(), EvidenceError> {
    if !pck.key.verifies_p256_fixed(quote.enclave, quote.enclave_signature) {
        return Err(EvidenceError::Signature("the quoting enclave's report"));
    }
    let bound = digest(&SHA256, &[&quote.key[..], quote.auth].concat());
    let report_data = &quote.enclave[320..];
    if report_data[..32] != *bound.as_ref() || report_data[32..].iter().any(|byte| *byte != 0) {
        return Err(EvidenceError::Mismatch("key of quotes"));
    }
    if !verifies_p256_raw(quote.key, quote.signed, quote.signature) {
        return Err(EvidenceError::Signature("the quote"));
    }
    Ok(())
}

fn measure(body: &Body<'_>, claims: &mut Claims) {
    let mut put = |name, bytes: &[u8]| drop(claims.measurements.insert(name, HexBytes(bytes.to_vec())));
    match body {
        Body::Sgx(report) => {
            put("mr-enclave", &report[64..96]);
            put("mr-signer", &report[128..160]);
            put("product-id", &report[256..258]);
            claims.tcb.components.insert("isv-svn", u16::from_le_bytes([report[258], report[259]]).into());
        }
        Body::Tdx(report) => {
            const FIELDS: [(&str, usize); 9] = [
                ("mr-seam", 16),
                ("mr-td", 136),
                ("mr-config-id", 184),
                ("mr-owner", 232),
                ("mr-owner-config", 280),
                ("rtmr0", 328),
                ("rtmr1", 376),
                ("rtmr2", 424),
                ("rtmr3", 472),
            ];
            FIELDS.iter().for_each(|(name, at)| put(name, &report[*at..at + 48]));
            if let Some(service) = report.get(600..648) {
                put("mr-service-td", service);
                let now = report.get(829..877).unwrap_or_default();
                if service.iter().chain(now).any(|byte| *byte != 0) {
                    // A TD that may move this one elsewhere: nothing that anybody should overlook.
                    claims.tcb.advisories.push("service-td".to_owned());
                }
            }
        }
    }
}
