//! Whatever a host could look at while it runs a contract: its files, what passes through its network, what is printed, and the
//! memory of its processes but the engine, whose memory hardware would close. No value of the hospitals is in any of it.
//!
//! Each search has a control that finds what is there: values in the engine's own memory, the query in that of the host's
//! program, and a table that crosses the same network in the open at the end.

mod memory;

use super::sql::{OF_A, QUERY, Story, engine, read_all};
use crate::bed::{Bed, both};
use memory::{Process, descendants};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use welkin_testkit::net;

/// What only the hospitals know. None of it is in a query.
const VALUES: &[&str] = &["Zebrafever", "Narwhalitis"];

/// Joins that would take days, so that the engine is at work when it is looked at.
const ENDLESS: &str =
    "SELECT p1.diagnosis, count(*) AS n FROM patients p1, patients p2, patients p3, patients p4,
patients p5, patients p6, patients p7, patients p8, patients p9, patients p10, patients p11, patients p12,
patients p13, patients p14, patients p15, patients p16
WHERE p1.age + p2.age + p3.age + p4.age + p5.age + p6.age + p7.age + p8.age + p9.age + p10.age + p11.age
+ p12.age + p13.age + p14.age + p15.age + p16.age > p1.id GROUP BY p1.diagnosis";

/// Minutes: whatever is waited for comes, unless something is broken.
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn a_host_that_looks_everywhere_but_into_the_engine_sees_no_value() {
    let test = "a_host_that_looks_everywhere_but_into_the_engine_sees_no_value";
    let Some(programs) = engine(test) else { return };
    let (short, endless) =
        (Story::of(QUERY, programs.clone(), &[]), Story::of(ENDLESS, programs, &["--runs", "1"]));
    let network = match Network::try_new(short.host.path()) {
        Ok(network) => network,
        Err(why) => return eprintln!("skipped: {test}: {why}"),
    };
    let mut seen = Vec::new();

    // A run to its end.
    let ran = network.start(&short).wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    seen.extend(both(&ran).into_bytes());
    let result = short.host.path().join("result");
    let table = short.ok(&short.a, &["seal", "open", result.to_str().unwrap(), "--party", "a"]);
    assert!(VALUES.iter().all(|value| table.contains(value)), "the hospital sees them: {table}");

    // One that is stopped in the middle, when the values are in the engine's memory.
    let welkin = network.start(&endless);
    let engine = until("values are in the engine's memory", || {
        let mut of_host = descendants(welkin.id());
        let engine = of_host.extract_if(.., |process| process.is("welkin-enclave")).next()?;
        engine.stop();
        if VALUES.iter().all(|value| engine.holds(value)) {
            return Some(engine);
        }
        engine.go_on();
        None
    });
    let others: Vec<Process> =
        descendants(welkin.id()).into_iter().filter(|process| process.id() != engine.id()).collect();
    assert!(others.iter().any(|process| process.is("welkin") && process.holds("p16.age > p1.id")));
    assert!(others.len() >= 3, "the host's program, and what it asks owners by");
    for process in &others {
        let found = VALUES.iter().find(|value| process.holds(value));
        assert_eq!(found, None, "in the memory of {}", process.name());
    }
    seen.extend(engine.open_files());
    engine.kill();
    let ended = welkin.wait_with_output().unwrap();
    assert!(!ended.status.success(), "{}", both(&ended));
    seen.extend(both(&ended).into_bytes());

    // Files of both hosts, what was printed, and what passed through the network.
    for story in [&short, &endless] {
        read_all(story.host.path(), true, &mut seen);
        for hospital in [&story.a, &story.b] {
            read_all(&hospital.path().join("sealed"), false, &mut seen);
        }
    }
    network.say("that was all");
    seen.extend(network.heard("that was all"));
    assert!(holds(&seen, "\"attested\"") && holds(&seen, "\"released\""), "messages were heard");
    for value in VALUES {
        assert!(!holds(&seen, value), "{value} was seen");
    }
    network.say(OF_A);
    assert!(holds(&network.heard("3,Zebrafever,50"), VALUES[0]));
}

/// Does it hold the text, as it is or in hexadecimal digits?
fn holds(bytes: &[u8], text: &str) -> bool {
    let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    [text, &digits].iter().any(|text| memchr::memmem::find(bytes, text.as_bytes()).is_some())
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// The host's network, with hospitals at its other end, and somebody who listens at the host.
struct Network {
    _bed: net::Bed,
    host: net::Node,
    hospitals: net::Node,
    address: IpAddr,
    capture: net::Capture,
}

impl Network {
    fn try_new(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let bed = net::Bed::try_new()?;
        let (host, hospitals) = (bed.node("host")?, bed.node("hospitals")?);
        let address = bed.link(&host, &hospitals, None)?.address(&hospitals);
        let capture = net::Capture::try_start(&host, &folder.join("packets.pcap"))?;
        Ok(Self { _bed: bed, host, hospitals, address, capture })
    }

    /// Runs a story's contract at its host.
    fn start(&self, story: &Story) -> std::process::Child {
        let sealed = [&story.a, &story.b].map(|bed| bed.path().join("sealed").display().to_string());
        let asks = [(&story.a, "a"), (&story.b, "b")].map(|(own, party)| {
            let at = self.door(release(own, party));
            format!(
                "{party}=exec bash -c 'exec 3<>/dev/tcp/{}/{}; cat <&3 & cat >&3; kill $!'",
                at.ip(),
                at.port()
            )
        });
        let [ask_a, ask_b] = &asks;
        let run =
            ["netns", "exec", self.host.namespace(), env!("CARGO_BIN_EXE_welkin"), "sql", "run", "c.json"];
        let with = ["--query", "q.sql", "--input", &sealed[0], "--input", &sealed[1], "--to", "result"];
        let args = [&run[..], &with[..], &["--ask", ask_a, "--ask", ask_b]].concat();
        story.host.command_of("ip", args).env("PATH", story.path()).spawn().unwrap()
    }

    /// Where a hospital listens. Whoever connects talks with its command; nothing is sealed on the way but by Welkin.
    fn door(&self, mut command: Command) -> SocketAddr {
        let address = self.address;
        let listener = self.hospitals.thread(move || TcpListener::bind((address, 0)).unwrap()).unwrap();
        let listener = listener.join().unwrap();
        let at = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let other = stream.try_clone().unwrap();
            command.stdin(Stdio::from(OwnedFd::from(stream))).stdout(Stdio::from(OwnedFd::from(other)));
            let _ = command.stderr(Stdio::null()).status();
        });
        at
    }

    /// Says something to a hospital in the open.
    fn say(&self, text: &str) {
        let at = self.door(Command::new("cat"));
        let text = text.to_owned();
        let said = self.host.thread(move || {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
        });
        said.unwrap().join().unwrap();
    }

    /// What passed, up to something that was said.
    fn heard(&self, last: &str) -> Vec<u8> {
        until("packets are in the file", || self.capture.bytes().ok().filter(|bytes| holds(bytes, last)))
    }
}

/// How a hospital answers.
fn release(own: &Bed, party: &str) -> Command {
    own.command(["seal", "release", "--party", party, "--input", "sealed"])
}
