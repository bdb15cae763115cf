//! A cap on one connection.
//!
//! The kernel's TCP paces itself, so no queueing discipline is needed. It is what the wide-area limit
//! of a single connection looks like: more connections go faster, each no faster than this.

#![expect(unsafe_code, reason = "no safe crate of the workspace wraps this socket option")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Limits what this socket sends to so many bytes a second, from now on.
pub fn set_pacing(socket: impl AsFd, bytes_per_s: u64) -> io::Result<()> {
    let rate: libc::c_ulong = bytes_per_s;
    // SAFETY: the descriptor is open while it is borrowed, and the kernel reads `size_of` bytes from a
    // valid place.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MAX_PACING_RATE,
            std::ptr::from_ref(&rate).cast(),
            size_of_val(&rate) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
