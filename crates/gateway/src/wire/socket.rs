//! How TCP is set up for lanes.
//!
//! * `TCP_NODELAY`: frames are written whole, nothing is gained by waiting for more.
//! * `TCP_NOTSENT_LOWAT`: a socket takes no more than [`UNSENT_BYTES`] that it cannot send yet. What piles up in a
//!   socket is bound to its lane; in the outbox any lane can take it. A relay that cannot pass bytes on stops reading
//!   them for the same reason.
//! * `TCP_USER_TIMEOUT` and keep-alive: a host that vanished is noticed on idle lanes too.
//! * Buffer sizes are left to the kernel, which grows them with the path; setting them would stop that.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;

/// What waits in a socket before TCP may send it: what a core copies in a tenth of a millisecond, so that the link
/// stays busy while the lane is woken.
const UNSENT_BYTES: u32 = 512 << 10;

/// Unacknowledged by TCP for this long is lost.
const USER_TIMEOUT: Duration = Duration::from_secs(15);

/// Idle for this long is probed.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Choices for the sockets of lanes. The default leaves both to the system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Congestion control, as `TCP_CONGESTION` takes it (`cubic`, `bbr`).
    pub congestion: Option<String>,
    /// Bytes a second that one connection sends at most (`SO_MAX_PACING_RATE`).
    pub pacing_bytes: Option<u64>,
}

impl SocketOptions {
    /// Sets a connection up.
    pub(crate) fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        let socket = SockRef::from(stream);
        socket.set_tcp_nodelay(true)?;
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4))?;
        #[cfg(target_os = "linux")]
        {
            socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
            socket.set_tcp_notsent_lowat(UNSENT_BYTES)?;
            if let Some(congestion) = &self.congestion {
                socket.set_tcp_congestion(congestion.as_bytes())?;
            }
            if let Some(bytes) = self.pacing_bytes {
                pace(stream, bytes)?;
            }
        }
        Ok(())
    }
}

/// Sets `SO_MAX_PACING_RATE`, for which no safe wrapper exists.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "one socket option that no crate wraps")]
fn pace(stream: &TcpStream, bytes: u64) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let length = libc::socklen_t::try_from(size_of::<u64>()).expect("eight fits");
    // SAFETY: the descriptor is open for as long as `stream` is borrowed, and the option's value is eight bytes that
    // live on this stack until the call returns; the kernel only reads them.
    let outcome = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MAX_PACING_RATE,
            (&raw const bytes).cast(),
            length,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
