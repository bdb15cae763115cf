//! A TUN device: packets that a node sends come out of a descriptor, and go in there.

#![expect(unsafe_code, reason = "making a TUN device takes an ioctl that no safe crate wraps")]

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, open};
use rustix::ioctl::{Setter, ioctl};

use super::node::Node;
use super::shell::{NetError, run};

/// The kernel's name of the ioctl that makes a device out of an open `/dev/net/tun`.
const TUNSETIFF: rustix::ioctl::Opcode = 0x4004_54ca;

/// Packets as they are: no Ethernet header, nothing before them.
const FLAGS: libc::c_int = libc::IFF_TUN | libc::IFF_NO_PI;

/// Packets the kernel holds for us; at 1 Gbit/s more than 100 ms.
const QUEUE: u32 = 10_000;

/// A device in a node, with its own address and that of the node on the other side.
pub(super) fn create(
    node: &Node,
    device: &str,
    (own, other): (Ipv4Addr, Ipv4Addr),
    mtu: u32,
) -> Result<OwnedFd, NetError> {
    let name = device.to_owned();
    // A device belongs to the namespace of the thread that makes it; the descriptor works anywhere.
    let opened = node.thread(move || attach(&name))?.join();
    let fd = opened
        .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
        .map_err(|source| NetError::system(format!("make a TUN device in node {}", node.name()), source))?;
    let namespace = node.namespace();
    run(&format!("ip -n {namespace} addr add {own} peer {other} dev {device}"))?;
    run(&format!("ip -n {namespace} link set {device} mtu {mtu} txqueuelen {QUEUE} up"))?;
    Ok(fd)
}

fn attach(device: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = open("/dev/net/tun", flags, Mode::empty())?;
    // SAFETY: all-zero bytes are a valid `ifreq`: integers, arrays of them, and a union of both.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = request.ifr_name.len() - 1;
    for (slot, byte) in request.ifr_name.iter_mut().zip(device.bytes().take(room)) {
        *slot = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = FLAGS as libc::c_short;
    // SAFETY: TUNSETIFF reads one `ifreq` and keeps no pointer to it.
    unsafe { ioctl(&fd, Setter::<TUNSETIFF, libc::ifreq>::new(request)) }?;
    Ok(fd)
}
