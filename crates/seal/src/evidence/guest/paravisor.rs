//! What a guest below a paravisor of Azure gets from its TPM, and from the machine's metadata service.
//!
//! 1. The TPM keeps what the paravisor says at an index: the hardware's report, and a text whose hash is the report's data. It is read in
//!    pieces, and the paravisor writes it anew at a read when two seconds have passed: pieces of two writings do not fit, and are read again.
//! 2. The TPM's attestation key, which that text names, signs the registers and the binding, cut to what a TPM takes.
//! 3. The registers' values are read. Where one changed since, both are done again.
//! 4. The service is asked for what the hardware's report lacks: certificates of AMD, or a quote of Intel for the local report.
//!
//! What the owners will check is looked at here too, down to the hardware's own signature, so that a machine that is set up in another way
//! says so itself.
//!
//! Source: Microsoft, Azure confidential VM guest attestation design; azure-cvm-tooling, az-cvm-vtpm (`0x01400001`, `0x81000003`, the
//! owner's password is empty); OpenVMM, tpm_device (`REPORT_TIMER_PERIOD`); Intel, TDX module ABI (`REPORTMACSTRUCT`); az-tdx-vtpm (`/acc/tdquote`), az-snp-vtpm (`/metadata/THIM/amd/certification`).

use super::GuestError;
use super::tpm::{self, Transmit};
use crate::evidence::azure::{Envelope, Quote, Runtime, write_parts};
use crate::evidence::file::detect;
use crate::evidence::{Evidence, EvidenceError, Kind, intel, snp};
use crate::x509::read_certificates;
use base64_simd::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

const REPORT: u32 = 0x0140_0001;
const KEY: u32 = 0x8100_0003;
/// Registers change while a machine starts, and with some kernels whenever a program does.
const TRIES: u32 = 8;
/// One writing in two seconds, and a read takes far less.
const READS: u32 = 3;
/// What a report is about.
const TEXT: &str = "what the paravisor says";
/// Of a local report of TDX; the envelope has room for more.
const TD_REPORT_BYTES: usize = 1024;

/// What the TPM of a confidential machine of Azure said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paravisor {
    kind: Kind,
    /// A report of SEV-SNP, or one of TDX that only its machine could check.
    report: Vec<u8>,
    runtime: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
    registers: Vec<u8>,
}

/// What a machine's metadata service is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataRequest {
    /// Path of the resource.
    pub path: &'static str,
    /// JSON to be posted; without any it is read.
    pub body: Option<Vec<u8>>,
}

impl Paravisor {
    /// Asks a TPM for a statement that is about these bytes.
    ///
    /// # Errors
    /// Where it gives none, or one that cannot hold.
    pub fn ask(transmit: &mut Transmit<'_>, bytes: &[u8; 64]) -> Result<Self, GuestError> {
        let envelope = envelope(transmit)?;
        let envelope = Envelope::read(&envelope).ok_or(GuestError::Envelope)?;
        let kind = envelope.of().ok_or(GuestError::Envelope)?;
        let malformed = |error| GuestError::Malformed(kind, error);
        let runtime = Runtime::read(envelope.runtime).map_err(malformed)?;
        let question = &bytes[..kind.room()];
        for _ in 0..TRIES {
            let (message, signature) = tpm::quote(transmit, KEY, question)?;
            let registers = tpm::read_registers(transmit)?;
            match Quote::read(&message, &registers) {
                Err(EvidenceError::Unvouched(_)) => continue,
                Err(error) => return Err(malformed(error)),
                Ok(quote) if quote.question != question => return Err(GuestError::Other(kind)),
                Ok(_) => {}
            }
            if !runtime.key.verifies(&message, &signature) {
                return Err(malformed(EvidenceError::Signature("the TPM's quote")));
            }
            let (report, runtime) = (envelope.report.to_vec(), envelope.runtime.to_vec());
            return Ok(Self { kind, report, runtime, message, signature, registers });
        }
        Err(GuestError::Restless(TRIES))
    }

    /// The kind of evidence that it becomes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the machine's metadata service has of it.
    #[must_use]
    pub fn request(&self) -> MetadataRequest {
        if self.kind == Kind::AzureTdx {
            let report = URL_SAFE_NO_PAD.encode_to_string(&self.report[..TD_REPORT_BYTES]);
            let body = serde_json::json!({ "report": report }).to_string().into_bytes();
            return MetadataRequest { path: "/acc/tdquote", body: Some(body) };
        }
        MetadataRequest { path: "/metadata/THIM/amd/certification", body: None }
    }

    /// Evidence of it and of the service's answer.
    ///
    /// # Errors
    /// Where the answer is none to that.
    pub fn evidence(self, answer: &[u8]) -> Result<Evidence, GuestError> {
        let kind = self.kind;
        let (hardware, certificates) = match kind {
            Kind::AzureTdx => (quote(answer)?, Vec::new()),
            _ => (self.report, certificates(answer)?),
        };
        let report_data = match kind {
            Kind::AzureTdx => intel::report_data(&hardware),
            _ => snp::report_data(&hardware),
        };
        let report_data = report_data.map_err(|error| GuestError::Malformed(kind, error))?;
        if !is_about(report_data, &self.runtime) {
            return Err(GuestError::Malformed(kind, EvidenceError::Unvouched(TEXT)));
        }
        let parts = [&hardware[..], &self.runtime, &self.message, &self.signature, &self.registers];
        let body = write_parts(parts).ok_or(GuestError::Report(kind, hardware.len()))?;
        Ok(Evidence { kind, body, certificates, collateral: None })
    }
}

/// What the paravisor keeps, of one writing.
fn envelope(transmit: &mut Transmit<'_>) -> Result<Vec<u8>, GuestError> {
    let mut last = GuestError::Envelope;
    for _ in 0..READS {
        let bytes = match tpm::read_index(transmit, REPORT) {
            Err(error) if error.nothing_there() => return Err(GuestError::NoParavisor),
            read => read?,
        };
        let envelope = Envelope::read(&bytes).ok_or(GuestError::Envelope)?;
        let kind = envelope.of().ok_or(GuestError::Envelope)?;
        if is_about(envelope.report_data(), envelope.runtime) {
            return Ok(bytes);
        }
        last = GuestError::Malformed(kind, EvidenceError::Unvouched(TEXT));
    }
    Err(last)
}

fn is_about(report_data: &[u8], text: &[u8]) -> bool {
    report_data.get(..32) == Some(digest(&SHA256, text).as_ref())
}

/// Certificates in text: the chip's, and those above it.
#[derive(Deserialize)]
struct Certification {
    #[serde(rename = "vcekCert")]
    chip: String,
    #[serde(rename = "certificateChain")]
    chain: String,
}

fn certificates(answer: &[u8]) -> Result<Vec<Vec<u8>>, GuestError> {
    let answer: Certification = serde_json::from_slice(answer).map_err(|_| GuestError::Metadata)?;
    let mut all = read_certificates(answer.chip.as_bytes())?;
    all.extend(read_certificates(answer.chain.as_bytes())?);
    Ok(all)
}

#[derive(Deserialize)]
struct Quoted {
    quote: String,
}

fn quote(answer: &[u8]) -> Result<Vec<u8>, GuestError> {
    let answer: Quoted = serde_json::from_slice(answer).map_err(|_| GuestError::Metadata)?;
    let text = answer.quote.trim_end_matches('=');
    let quote = URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| GuestError::Metadata)?;
    if detect(&quote) == Some(Kind::Tdx) {
        Ok(quote)
    } else {
        Err(GuestError::Report(Kind::Tdx, quote.len()))
    }
}
