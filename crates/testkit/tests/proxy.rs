//! A proxy spoils what it is told to, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use welkin_testkit::proxy::{Direction, Proxy, Trouble};

/// Takes one connection, reads it to its end, and answers with what came.
fn echo() -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut data = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        // A reset ends it too.
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            data.extend_from_slice(&buffer[..count]);
        }
        let _ = stream.write_all(&data);
        data
    });
    (address, thread)
}

fn bytes() -> Vec<u8> {
    (0..1_000_000_u32).map(|at| (at * 7 / 3) as u8).collect()
}

fn through(proxy: &Proxy, data: &[u8]) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    let sent = stream.write_all(data).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut back = Vec::new();
    let end = sent.and_then(|()| stream.read_to_end(&mut back).map(|_| ()));
    (back, end.err().map(|error| error.kind()))
}

#[test]
fn bytes_pass_and_are_counted() {
    let (server, thread) = echo();
    let proxy = Proxy::start(server).unwrap();
    let (back, error) = through(&proxy, &bytes());
    assert!(back == bytes() && error.is_none() && thread.join().unwrap() == bytes());
    for direction in [Direction::Up, Direction::Down] {
        assert_eq!(proxy.bytes_read(direction), 1_000_000);
        assert_eq!(proxy.bytes_forwarded(direction), 1_000_000);
    }
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn one_bit_turns_over_in_each_direction() {
    let (server, thread) = echo();
    let proxy = Proxy::start(server).unwrap();
    proxy.set(Direction::Up, Trouble::Flip { after: 777_777, bit: 3 });
    proxy.set(Direction::Down, Trouble::Flip { after: 5, bit: 0 });
    let (back, _) = through(&proxy, &bytes());
    let differing = |data: &[u8]| -> Vec<_> {
        let pairs = data.iter().zip(bytes());
        pairs.enumerate().filter(|(_, (a, b))| **a != *b).map(|(at, (a, b))| (at, a ^ b)).collect()
    };
    assert_eq!(differing(&thread.join().unwrap()), [(777_777, 8)]);
    assert_eq!(differing(&back), [(5, 1), (777_777, 8)]);
    assert!(!proxy.is_troubled(Direction::Up));
}

#[test]
fn a_cut_lets_all_before_it_pass() {
    let (server, thread) = echo();
    let proxy = Proxy::start(server).unwrap();
    proxy.set(Direction::Up, Trouble::Cut { after: 500_000 });
    let (back, error) = through(&proxy, &bytes());
    assert!(back.is_empty());
    // Which of them depends on the call that finds out.
    let reset = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::NotConnected];
    assert!(error.is_some_and(|error| reset.contains(&error)), "{error:?}");
    assert_eq!(proxy.bytes_forwarded(Direction::Up), 500_000);
    assert!(thread.join().unwrap() == bytes()[..500_000]);
}

#[test]
fn a_black_hole_takes_everything_in() {
    let (server, thread) = echo();
    let proxy = Proxy::start(server).unwrap();
    proxy.set(Direction::Down, Trouble::Hole { after: 1_000 });
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.write_all(&bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert_eq!((back.len(), thread.join().unwrap().len()), (1_000, 1_000_000));
}

#[test]
fn a_rate_holds_and_can_change() {
    let (server, thread) = echo();
    let proxy = Proxy::start(server).unwrap();
    proxy.set(Direction::Up, Trouble::Rate { bytes_per_s: 1_000 });
    proxy.set(Direction::Up, Trouble::Rate { bytes_per_s: 4_000_000 });
    let start = Instant::now();
    let (back, _) = through(&proxy, &bytes());
    let took = start.elapsed();
    assert_eq!((back.len(), thread.join().unwrap().len()), (1_000_000, 1_000_000));
    assert!(took >= Duration::from_millis(220), "{took:?}");
}

#[test]
fn everything_can_be_cut_and_refused() {
    let (server, thread) = echo();
    let proxy = Proxy::start(server).unwrap();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.write_all(b"abc").unwrap();
    while proxy.bytes_forwarded(Direction::Up) < 3 {
        std::thread::yield_now();
    }
    proxy.cut_all();
    let mut back = Vec::new();
    let end = stream.read_to_end(&mut back);
    assert!(back.is_empty() || end.is_err());
    proxy.refuse(true);
    let (back, _) = through(&proxy, &bytes());
    assert!(back.is_empty());
    assert_eq!(thread.join().unwrap(), b"abc");
}
