//! The certificate of the key that signs reports: for which chip and which versions of firmware it was made.

use super::product::Product;
use super::report::{Key, Report};
use crate::evidence::EvidenceError;
use crate::x509::{Certificate, Der, Tag};

/// AMD's extensions begin with 1.3.6.1.4.1.3704.1.
macro_rules! amd {
    ($($part:literal),+) => { &[0x2b, 6, 1, 4, 1, 0x9c, 0x78, 1, $($part),+] };
}
const PRODUCT_NAME: &[u8] = amd![2];
const CHIP: &[u8] = amd![4];
const OPERATOR: &[u8] = amd![5];
const VERSIONS: &[(&str, &[u8])] = &[
    ("bootloader", amd![3, 1]),
    ("tee", amd![3, 2]),
    ("snp", amd![3, 3]),
    ("microcode", amd![3, 8]),
    ("fmc", amd![3, 9]),
];

pub(super) struct Signer<'a> {
    key: Key,
    tcb: [u8; 8],
    chip: Option<&'a [u8]>,
}

/// The certificate that is AMD's for a key of reports, and the others.
pub(super) fn leaf<'a>(
    mut certificates: Vec<Certificate<'a>>,
) -> Result<(Certificate<'a>, Vec<Certificate<'a>>), EvidenceError> {
    let at = certificates.iter().position(|certificate| certificate.extension(PRODUCT_NAME).is_some());
    let at = at.ok_or(EvidenceError::Missing("the key that signed the report (VCEK or VLEK)"))?;
    let leaf = certificates.swap_remove(at);
    Ok((leaf, certificates))
}

impl<'a> Signer<'a> {
    pub(super) fn read(certificate: &Certificate<'a>, product: Product) -> Result<Self, EvidenceError> {
        let malformed = |what: &str| EvidenceError::Malformed(format!("the certificate has no {what}"));
        let name = certificate.extension(PRODUCT_NAME).and_then(text).ok_or_else(|| malformed("product"))?;
        // `Milan-B0`; an operator's key has `Milan`.
        let made_for = name.split_once('-').map_or(name, |(name, _)| name);
        if made_for != product.name() {
            return Err(EvidenceError::Mismatch("product"));
        }
        let mut tcb = [0; 8];
        for (version, place) in product.places() {
            let (_, extension) =
                VERSIONS.iter().find(|(name, _)| name == version).expect("each place has its version");
            let number = certificate.extension(extension).and_then(|content| Der::new(content).unsigned());
            let number = number.and_then(|number| u8::try_from(number).ok());
            tcb[*place] = number.ok_or_else(|| malformed("complete versions"))?;
        }
        let key = if certificate.extension(OPERATOR).is_some() { Key::Vlek } else { Key::Vcek };
        Ok(Self { key, tcb, chip: certificate.extension(CHIP) })
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.key {
            Key::Vcek => "VCEK, a key of the chip",
            Key::Vlek => "VLEK, a key of the operator",
        }
    }

    /// Is this the key that the report says it was signed by?
    pub(super) fn must_fit(&self, report: &Report<'_>, product: Product) -> Result<(), EvidenceError> {
        if self.key != report.key {
            return Err(EvidenceError::Mismatch("kind of key"));
        }
        if self.tcb != report.reported_tcb {
            return Err(EvidenceError::Mismatch("version of firmware"));
        }
        if self.key == Key::Vlek {
            return Ok(());
        }
        let (chip, zeros) = report.chip.split_at(product.chip_bytes());
        let masked = report.chip_masked && report.chip.iter().all(|byte| *byte == 0);
        let same = self.chip == Some(chip) && zeros.iter().all(|byte| *byte == 0);
        if masked || same { Ok(()) } else { Err(EvidenceError::Mismatch("chip")) }
    }
}

fn text(content: &[u8]) -> Option<&str> {
    let mut value = Der::new(content);
    let text = std::str::from_utf8(value.content(Tag::IA5)?).ok()?;
    value.end()?;
    Some(text)
}
