//! Checksums: taken while a body comes in, compared with what the client claims, given back later.
//!
//! CRC-64/NVME is always computed, since it costs next to nothing and combines over parts. The others,
//! and MD5, only where a client names them. For an object of several parts no other checksum is kept;
//! one that `CompleteMultipartUpload` names for the whole object is compared, composite ones are not.

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest, checksum_combine};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Md5, Sha1, Sha256};
use s3s::{S3Result, s3_error};

use super::content::Content;

/// A checksum algorithm of S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Crc64Nvme,
    Crc32,
    Crc32c,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Crc64Nvme, Self::Crc32, Self::Crc32c, Self::Sha1, Self::Sha256];

    /// The header that carries its value, in base64.
    pub(super) fn header(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }
}

/// What a client says about a body, before or after it.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    pub(super) sums: Vec<(Algorithm, String)>,
    pub(super) md5: Option<String>,
}

/// What is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// `None` for objects that are made on the fly, until somebody asks.
    crc64: Option<u64>,
    /// The one that the client named, if that was another.
    pub(super) named: Option<(Algorithm, String)>,
}

impl Sums {
    pub(super) fn of(content: &Content) -> Self {
        Self { crc64: Some(crc64_of(content)), named: None }
    }

    /// Of the parts, one after the other.
    pub(super) fn combined(parts: impl Iterator<Item = (u64, u64)>) -> Self {
        let whole = parts.fold(None, |sum, (crc, len)| match sum {
            None => Some(crc),
            Some(sum) => Some(checksum_combine(CrcAlgorithm::Crc64Nvme, sum, crc, len)),
        });
        Self { crc64: Some(whole.unwrap_or_default()), named: None }
    }

    pub(super) fn crc64(&self, content: &Content) -> u64 {
        self.crc64.unwrap_or_else(|| crc64_of(content))
    }

    /// What to tell a client that asks for checksums.
    pub(super) fn told(&self, content: &Content) -> (Algorithm, String) {
        let crc64 = || (Algorithm::Crc64Nvme, base64(&self.crc64(content).to_be_bytes()));
        self.named.clone().unwrap_or_else(crc64)
    }
}

fn crc64_of(content: &Content) -> u64 {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    content.pieces(0..content.len()).into_iter().flatten().for_each(|piece| digest.update(&piece));
    digest.finalize()
}

/// Takes the checksums of a body as it comes.
pub(super) struct Summing {
    crc64: Digest,
    others: ChecksumHasher,
    md5: Option<Md5>,
}

impl Summing {
    /// For these algorithms, beside CRC-64.
    pub(super) fn new(algorithms: impl Iterator<Item = Algorithm>, md5: bool) -> Self {
        let mut others = ChecksumHasher::default();
        for algorithm in algorithms {
            match algorithm {
                Algorithm::Crc64Nvme => {}
                Algorithm::Crc32 => others.crc32 = Some(Crc32::new()),
                Algorithm::Crc32c => others.crc32c = Some(Crc32c::new()),
                Algorithm::Sha1 => others.sha1 = Some(Sha1::new()),
                Algorithm::Sha256 => others.sha256 = Some(Sha256::new()),
            }
        }
        Self { crc64: Digest::new(CrcAlgorithm::Crc64Nvme), others, md5: md5.then(Md5::new) }
    }

    pub(super) fn update(&mut self, piece: &Bytes) {
        self.crc64.update(piece);
        self.others.update(piece);
        if let Some(md5) = &mut self.md5 {
            md5.update(piece);
        }
    }

    /// Fails with `BadDigest` unless every claim is true.
    pub(super) fn finish(self, claims: &Claims) -> S3Result<Sums> {
        let crc64 = self.crc64.finalize();
        let others = self.others.finalize();
        let mut named = None;
        for (algorithm, claim) in &claims.sums {
            let found = match algorithm {
                Algorithm::Crc64Nvme => Some(base64(&crc64.to_be_bytes())),
                Algorithm::Crc32 => others.checksum_crc32.clone(),
                Algorithm::Crc32c => others.checksum_crc32c.clone(),
                Algorithm::Sha1 => others.checksum_sha1.clone(),
                Algorithm::Sha256 => others.checksum_sha256.clone(),
            };
            if found.as_ref() != Some(claim) {
                return Err(s3_error!(BadDigest, "{} is not that of the body", algorithm.header()));
            }
            if *algorithm != Algorithm::Crc64Nvme {
                named = Some((*algorithm, claim.clone()));
            }
        }
        if let (Some(md5), Some(claim)) = (self.md5, &claims.md5)
            && base64(md5.finalize().as_ref()) != *claim
        {
            return Err(s3_error!(BadDigest, "Content-MD5 is not that of the body"));
        }
        Ok(Sums { crc64: Some(crc64), named })
    }
}

/// Standard base64, as S3 writes checksums.
pub(super) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}
