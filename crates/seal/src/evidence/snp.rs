//! AMD SEV-SNP: reports of a processor, signed by a key that belongs to the chip (VCEK) or its operator (VLEK) and to the
//! versions of its firmware.
//!
//! The signature is checked over the bytes as they came, not over what was made of them. What is not signed has to be
//! zero, so that evidence has one spelling.
//!
//! Source: AMD 56860, SEV Secure Nested Paging Firmware ABI (report, signature), and 57230, VCEK Certificate and KDS
//! Interface (extensions of the certificate).

mod product;
mod report;
mod signer;

pub(super) use report::REPORT_BYTES;

use super::{Claims, EvidenceError, Kind, Tcb};
use crate::hex::HexBytes;
use crate::x509::{Certificate, order, verify_chain};
use product::Product;
use report::Report;
use signer::{Signer, leaf};

/// What a report has for report data, before anything is known of it.
pub(super) fn report_data(body: &[u8]) -> Result<&[u8], EvidenceError> {
    Ok(Report::read(body)?.report_data)
}

/// The same as [`verify`] for a report that speaks for whoever runs at the highest level alone.
pub(super) fn verify_paravisor(
    body: &[u8],
    certificates: &[Vec<u8>],
    now: u64,
) -> Result<Claims, EvidenceError> {
    match Report::read(body)?.vmpl {
        0 => verify(body, certificates, now),
        level => Err(EvidenceError::Malformed(format!("a paravisor has the privilege level 0, not {level}"))),
    }
}

pub(super) fn verify(body: &[u8], certificates: &[Vec<u8>], now: u64) -> Result<Claims, EvidenceError> {
    let report = Report::read(body)?;
    let mut read = Vec::new();
    for (number, raw) in (1..).zip(certificates) {
        read.push(Certificate::read(raw).map_err(|source| EvidenceError::Certificate { number, source })?);
    }
    let (leaf, others) = leaf(read)?;
    let chain = order(leaf, others);
    let (root, links) = verify_chain(&chain, product::ROOTS, now)?;
    let product = Product::of(root);
    let signer = Signer::read(&chain[0], product)?;
    signer.must_fit(&report, product)?;
    if !chain[0].key.verifies_p384_fixed(report.signed, &report.signature) {
        return Err(EvidenceError::Signature("the report"));
    }
    Ok(claims(&report, &signer, product, root.name, links))
}

fn claims(
    report: &Report<'_>,
    signer: &Signer<'_>,
    product: Product,
    root: &'static str,
    chain: Vec<crate::x509::Link>,
) -> Claims {
    let measurements =
        report.measurements.iter().map(|(name, bytes)| (*name, HexBytes(bytes.to_vec()))).collect();
    let mut components = product.components(report.reported_tcb);
    components.insert("guest-svn", report.guest_svn.into());
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let details = vec![
        ("product", product.name().to_owned()),
        ("report version", report.version.to_string()),
        ("signed by", signer.kind().to_owned()),
        ("privilege level (VMPL)", report.vmpl.to_string()),
        ("chip", crate::hex::to_hex(report.chip)),
        ("migration agent allowed", yes(report.migration_allowed())),
        ("simultaneous multithreading allowed", yes(report.threads_allowed())),
    ];
    Claims {
        kind: Kind::SevSnp,
        root,
        chain,
        measurements,
        report_data: HexBytes(report.report_data.to_vec()),
        nonce: None,
        debug: report.debug_allowed(),
        tcb: Tcb { components, status: None, advisories: Vec::new() },
        details,
        digest: super::claims::digest(report.signed),
    }
}
