//! What the certificate of a platform says of its versions.

use crate::evidence::EvidenceError;
use crate::x509::{Certificate, Der, Tag};

/// 1.2.840.113741.1.13.1.
const SGX: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 1, 0x0d, 1];

#[derive(Debug)]
pub(super) struct Platform<'a> {
    pub(super) fmspc: &'a [u8],
    pub(super) pce_id: &'a [u8],
    /// Versions of the sixteen parts of firmware.
    pub(super) components: [u64; 16],
    pub(super) pce_svn: u64,
}

impl<'a> Platform<'a> {
    pub(super) fn read(pck: &Certificate<'a>) -> Result<Self, EvidenceError> {
        let content = pck.extension(SGX);
        let platform = content.and_then(read);
        platform.ok_or_else(|| {
            EvidenceError::Malformed("the platform's certificate does not tell its versions".to_owned())
        })
    }
}

fn read(content: &[u8]) -> Option<Platform<'_>> {
    let mut platform = Platform { fmspc: &[], pce_id: &[], components: [0; 16], pce_svn: 0 };
    let mut fields = Der::new(content).inside(Tag::SEQUENCE)?;
    while !fields.is_empty() {
        let mut field = fields.inside(Tag::SEQUENCE)?;
        match field.content(Tag::OBJECT)?.strip_prefix(SGX)? {
            [2] => versions(field.inside(Tag::SEQUENCE)?, &mut platform)?,
            [3] => platform.pce_id = field.content(Tag::OCTET_STRING)?,
            [4] => platform.fmspc = field.content(Tag::OCTET_STRING)?,
            _ => {}
        }
    }
    (platform.fmspc.len() == 6 && platform.pce_id.len() == 2).then_some(platform)
}

fn versions(mut fields: Der<'_>, platform: &mut Platform<'_>) -> Option<()> {
    let mut seen = 0;
    while !fields.is_empty() {
        let mut field = fields.inside(Tag::SEQUENCE)?;
        match field.content(Tag::OBJECT)?.strip_prefix(SGX)? {
            [2, number @ 1..=16] => {
                platform.components[usize::from(number - 1)] = field.unsigned()?;
                seen += 1;
            }
            [2, 17] => {
                platform.pce_svn = field.unsigned()?;
                seen += 1;
            }
            _ => {}
        }
    }
    (seen == 17).then_some(())
}
