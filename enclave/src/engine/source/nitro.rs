//! The security module of AWS Nitro Enclaves, `/dev/nsm`: one ioctl with a request and room for an answer, both CBOR.
//!
//! What is said and answered is in `crates/seal` ([`Evidence::ask_nitro`]); here are the device and its bounds. The kernel waits two
//! minutes for the module, and answers one who asks after the other.
//!
//! Source: Linux, include/uapi/linux/nsm.h and drivers/misc/nsm.c (6.8 and later; AWS's own kernels have the same ioctl).

use super::Nothing;
use super::guest::with_cause;
use super::limit::within;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use welkin_seal::{Evidence, Kind};

const DEVICE: &str = "/dev/nsm";
/// `NSM_RESPONSE_MAX_SIZE`
const MOST_BYTES: usize = 0x3000;
/// Longer than the kernel waits (`NSM_DEFAULT_TIMEOUT_MSECS`).
const PATIENCE: Duration = Duration::from_secs(150);

/// Whoever answers requests.
pub(super) trait Module: fmt::Debug + Send + Sync {
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>>;
}

/// A module, and how long it is waited for.
#[derive(Debug)]
pub(super) struct Nitro {
    pub(super) module: Arc<dyn Module>,
    pub(super) patience: Duration,
}

impl Default for Nitro {
    fn default() -> Self {
        Self { module: Arc::new(Device(PathBuf::from(DEVICE))), patience: PATIENCE }
    }
}

impl Nitro {
    /// Asks for evidence of Nitro that is bound to these bytes.
    pub(super) fn ask(&self, bytes: &[u8; 64]) -> Result<Evidence, Nothing> {
        let (module, request) = (Arc::clone(&self.module), Evidence::ask_nitro(bytes));
        let answer = within(self.patience, DEVICE, move || module.ask(&request));
        let answer = answer.map_err(Nothing::Failed)?.map_err(|error| unasked(&error))?;
        if answer.len() > MOST_BYTES {
            return Err(Nothing::Failed(format!("{DEVICE} gave more bytes than an answer has")));
        }
        Evidence::of_nitro(&answer, bytes).map_err(|error| Nothing::Failed(with_cause(&error)))
    }
}

fn unasked(error: &io::Error) -> Nothing {
    let kind = Kind::Nitro;
    let why = format!("the security module cannot be asked for evidence of {kind} at {DEVICE} ({error})");
    match error.kind() {
        ErrorKind::NotFound => Nothing::Missing(format!(
            "{why}: this is no Nitro Enclave, or its kernel lacks the driver (CONFIG_NSM). The instance that starts an enclave has no such device"
        )),
        ErrorKind::PermissionDenied => Nothing::Failed(format!("{why}: the device is for others")),
        ErrorKind::TimedOut => Nothing::Failed(format!("{why}: the hypervisor did not answer in time")),
        _ => Nothing::Failed(why),
    }
}

/// The kernel's device.
#[derive(Debug)]
pub(super) struct Device(pub(super) PathBuf);

#[cfg(target_os = "linux")]
impl Module for Device {
    #[expect(unsafe_code, reason = "an ioctl that no crate wraps, and that takes addresses")]
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let device = std::fs::OpenOptions::new().read(true).write(true).open(&self.0)?;
        let mut answer = vec![0_u8; MOST_BYTES];
        let mut message = Message {
            request: Buffer { address: address(request.as_ptr()), length: request.len() as u64 },
            response: Buffer { address: address(answer.as_mut_ptr()), length: answer.len() as u64 },
        };
        // SAFETY: the opcode and the layout are those of `NSM_IOCTL_RAW` in the kernel's header. Both buffers are borrowed or owned here
        // until the call returns: the kernel reads `request`, and writes no more than `response.length` bytes, all of which are
        // initialised, and the length itself. A device that knows no such ioctl refuses it.
        unsafe { rustix::ioctl::ioctl(&device, rustix::ioctl::Updater::<RAW, _>::new(&mut message)) }?;
        let length = usize::try_from(message.response.length).unwrap_or(usize::MAX);
        if length > answer.len() {
            return Err(io::Error::new(ErrorKind::InvalidData, "an answer that is longer than its room"));
        }
        answer.truncate(length);
        Ok(answer)
    }
}

#[cfg(not(target_os = "linux"))]
impl Module for Device {
    fn ask(&self, _request: &[u8]) -> io::Result<Vec<u8>> {
        Err(io::Error::from(ErrorKind::NotFound))
    }
}

/// `NSM_IOCTL_RAW`
#[cfg(target_os = "linux")]
const RAW: rustix::ioctl::Opcode = rustix::ioctl::opcode::read_write::<Message>(0x0a, 0);

/// `struct nsm_iovec`
#[cfg(target_os = "linux")]
#[repr(C)]
struct Buffer {
    address: u64,
    length: u64,
}

/// `struct nsm_raw`
#[cfg(target_os = "linux")]
#[repr(C)]
struct Message {
    request: Buffer,
    response: Buffer,
}

#[cfg(target_os = "linux")]
fn address(pointer: *const u8) -> u64 {
    pointer.expose_provenance() as u64
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn the_ioctl_is_that_of_the_kernels_header() {
        // _IOWR(0x0A, 0x0, struct nsm_raw), as a C compiler has it.
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        assert_eq!(RAW, 0xc020_0a00);
        assert_eq!(
            (size_of::<Message>(), offset_of!(Message, response), offset_of!(Buffer, length)),
            (32, 16, 8)
        );
    }

    #[test]
    fn a_device_that_is_no_module_refuses() {
        let error = Device(PathBuf::from("/dev/null")).ask(&[0]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(25), "ENOTTY");
        let missing = Device(PathBuf::from("/nonexistent")).ask(&[0]).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
