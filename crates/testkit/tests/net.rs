//! The network bed: rates, a change of rate, delay, loss. Needs root; without it, it says so.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on panics, in its helpers too"
)]
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use welkin_testkit::net::{Bed, DelayBox, DelayOptions, Node, set_pacing};

const MBIT: u64 = 1_000_000;

/// A bed, or a line that says why not.
fn bed(test: &str) -> Option<Bed> {
    Bed::try_new().inspect_err(|reason| println!("skipped: {test}: {reason}")).ok()
}

/// Reads one connection to its end; bits a second from the byte with the number `skip` to the last.
fn sink(node: &Node, address: IpAddr, skip: usize) -> (u16, JoinHandle<f64>) {
    let listening = node.thread(move || TcpListener::bind((address, 0)).unwrap()).unwrap().join().unwrap();
    let port = listening.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listening.accept().unwrap();
        let mut buffer = vec![0; 256 << 10];
        let (mut seen, mut since) = (0, None);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            seen += count;
            if since.is_none() && seen >= skip {
                since = Some((Instant::now(), seen));
            }
        }
        let (since, before) = since.unwrap();
        (seen - before) as f64 * 8.0 / since.elapsed().as_secs_f64()
    });
    (port, thread)
}

fn connect(node: &Node, to: (IpAddr, u16)) -> TcpStream {
    node.thread(move || TcpStream::connect(to).unwrap()).unwrap().join().unwrap()
}

/// Sends so many bytes; what the receiver measured after the first tenth, in Mbit/s.
fn rate(from: &Node, to: &Node, address: IpAddr, bytes: usize, pacing: Option<u64>) -> f64 {
    let (port, thread) = sink(to, address, bytes / 10);
    let mut stream = connect(from, (address, port));
    if let Some(pacing) = pacing {
        set_pacing(&stream, pacing).unwrap();
    }
    stream.write_all(&vec![7; bytes]).unwrap();
    drop(stream);
    thread.join().unwrap() / MBIT as f64
}

fn assert_near(measured: f64, expected: f64) {
    assert!((expected * 0.9..expected * 1.1).contains(&measured), "{measured:.1}, not {expected:.1} Mbit/s");
}

#[test]
fn a_link_has_its_rate_and_takes_another() {
    let Some(bed) = bed("a_link_has_its_rate_and_takes_another") else { return };
    let (a, b) = (bed.node("a").unwrap(), bed.node("b").unwrap());
    let link = bed.link(&a, &b, Some(100 * MBIT)).unwrap();
    assert_near(rate(&a, &b, link.address(&b), 6_000_000, None), 100.0);
    // While a connection is open.
    let (port, thread) = sink(&b, link.address(&b), 500_000);
    let mut stream = connect(&a, (link.address(&b), port));
    stream.write_all(&vec![7; 500_000]).unwrap();
    link.set_rate(Some(20 * MBIT)).unwrap();
    stream.write_all(&vec![7; 1_500_000]).unwrap();
    drop(stream);
    let measured = thread.join().unwrap() / MBIT as f64;
    assert!(measured < 30.0, "{measured:.1} Mbit/s at 20");
}

#[test]
fn two_paths_have_their_own_rates() {
    let Some(bed) = bed("two_paths_have_their_own_rates") else { return };
    let (a, b) = (bed.node("a").unwrap(), bed.node("b").unwrap());
    let slow = bed.link(&a, &b, Some(20 * MBIT)).unwrap();
    let fast = bed.link(&a, &b, Some(80 * MBIT)).unwrap();
    let (own, other, address) = (a.clone(), b.clone(), slow.address(&b));
    let first = std::thread::spawn(move || rate(&own, &other, address, 1_500_000, None));
    assert_near(rate(&a, &b, fast.address(&b), 6_000_000, None), 80.0);
    assert_near(first.join().unwrap(), 20.0);
}

#[test]
fn pacing_limits_one_connection() {
    let Some(bed) = bed("pacing_limits_one_connection") else { return };
    let (a, b) = (bed.node("a").unwrap(), bed.node("b").unwrap());
    let link = bed.link(&a, &b, None).unwrap();
    let measured = rate(&a, &b, link.address(&b), 4_000_000, Some(40 * MBIT / 8));
    assert!(measured < 44.0, "{measured:.1} Mbit/s at 40");
}

#[test]
fn a_delay_is_seen() {
    let Some(bed) = bed("a_delay_is_seen") else { return };
    let (a, b) = (bed.node("a").unwrap(), bed.node("b").unwrap());
    let delay = Duration::from_millis(40);
    let between = DelayBox::new(&bed, &a, &b, DelayOptions { delay, ..DelayOptions::default() }).unwrap();
    let (port, thread) = sink(&b, between.address(&b), 1);
    let start = Instant::now();
    let mut stream = connect(&a, (between.address(&b), port));
    let took = start.elapsed();
    assert!((delay * 2..delay * 4).contains(&took), "a round trip took {took:?}");
    stream.write_all(b"x").unwrap();
    drop(stream);
    thread.join().unwrap();
}

#[test]
fn the_same_seed_loses_the_same_packets() {
    let Some(bed) = bed("the_same_seed_loses_the_same_packets") else { return };
    let lost = |names: (&str, &str), seed| {
        let (a, b) = (bed.node(names.0).unwrap(), bed.node(names.1).unwrap());
        lost_of(&bed, &a, &b, DelayOptions { loss: 0.1, seed, ..DelayOptions::default() })
    };
    let first = lost(("a", "b"), 11);
    // 200 of 2,000 are expected; the standard deviation is 13.
    assert!((140..260).contains(&first.len()), "{}", first.len());
    assert_eq!(first, lost(("c", "d"), 11));
    assert_ne!(first, lost(("e", "f"), 12));
}

/// Which of 2,000 numbered packets do not arrive.
fn lost_of(bed: &Bed, a: &Node, b: &Node, options: DelayOptions) -> Vec<u16> {
    let between = DelayBox::new(bed, a, b, options).unwrap();
    let (from, to) = (between.address(a), between.address(b));
    let receiver = b.thread(move || UdpSocket::bind((to, 0)).unwrap()).unwrap().join().unwrap();
    let sender = a.thread(move || UdpSocket::bind((from, 0)).unwrap()).unwrap().join().unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    let numbers: Vec<u16> = (0..2_000).collect();
    let mut seen = Vec::new();
    for batch in numbers.chunks(100) {
        let gone = between.carried() + between.lost() + 100;
        for number in batch {
            sender.send(&number.to_be_bytes()).unwrap();
        }
        // Each of them was carried or lost before the next batch, so no buffer runs over.
        while between.carried() + between.lost() < gone {
            std::thread::yield_now();
        }
        receiver.set_nonblocking(true).unwrap();
        let mut buffer = [0; 2];
        while receiver.recv(&mut buffer).is_ok() {
            seen.push(u16::from_be_bytes(buffer));
        }
    }
    numbers.into_iter().filter(|number| !seen.contains(number)).collect()
}

#[test]
fn a_box_without_delay_is_fast() {
    let Some(bed) = bed("a_box_without_delay_is_fast") else { return };
    let (a, b) = (bed.node("a").unwrap(), bed.node("b").unwrap());
    let between = DelayBox::new(&bed, &a, &b, DelayOptions::default()).unwrap();
    let measured = rate(&a, &b, between.address(&b), 60_000_000, None);
    println!("{measured:.0} Mbit/s through the delay box");
    // In release builds it is above 1,000 on a quiet machine; busy ones must not fail the test.
    assert!(measured > 100.0, "{measured:.0} Mbit/s");
    assert!(between.carried() >= 40_000, "{}", between.carried());
}

#[test]
fn commands_run_in_their_node_and_nothing_stays() {
    let Some(bed) = bed("commands_run_in_their_node_and_nothing_stays") else { return };
    let node = bed.node("only").unwrap();
    let output = node.command("ip").args(["-o", "link"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1, "{output:?}");
    let mut process = node.spawn(node.command("cat").stdin(std::process::Stdio::piped())).unwrap();
    assert!(process.child().try_wait().unwrap().is_none());
    let namespace = node.namespace().to_owned();
    drop(bed);
    assert!(!process.child().wait().unwrap().success());
    assert!(!std::path::Path::new("/run/netns").join(namespace).exists());
}
