//! Many watchers of one run, as one process that does next to nothing: how long after a line was written each could read it.
//!
//! `cargo run --release -p welkin-testkit --example watchers SOCKET RUN WATCHERS LINES`
//!
//! The run's script waits until told to, then writes LINES lines `at SECONDS.NANOSECONDS`. When every watcher has seen that it
//! runs, `standing` is printed: whoever started this measures the broker's memory then, and lets the script go on. At the end
//! one line of JSON: milliseconds to the median, to the 99th hundredth and to the last.
//!
//! A line counts as told when the kernel says that a watcher's socket can be read, so that what this process does with one
//! watcher's line adds nothing to another's.

#![expect(clippy::print_stdout, reason = "the output of a measurement")]

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What stands before the time in a line as the stream has it.
const MARK: &[u8] = b"\"line\":\"at ";

/// What says that the script runs.
const RUNS: &[u8] = b"\"phase\":\"run\"";

struct Watcher {
    stream: UnixStream,
    /// What was read and not looked at: the beginning of something, at the end of a piece.
    rest: Vec<u8>,
    stands: bool,
}

impl Watcher {
    fn new(socket: &str, run: &str) -> io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        write!(stream, "GET /v1/runs/{run}/events HTTP/1.1\r\nhost: w\r\n\r\n")?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, rest: Vec::new(), stands: false })
    }

    /// Reads what is there; gives the times of the lines in it.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Vec<Duration>, Box<dyn Error>> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err("the broker ended a connection".into()),
                Ok(length) => self.rest.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.stands |= position(&self.rest, RUNS).is_some();
        let (mut times, mut from) = (Vec::new(), 0);
        while let Some(at) = position(&self.rest[from..], MARK) {
            let time = &self.rest[from + at + MARK.len()..];
            let Some(end) = time.iter().position(|byte| *byte == b'"') else { break };
            times.push(moment(&time[..end])?);
            from += at + MARK.len() + end;
        }
        // The beginning of a mark and of a time stays.
        let keep = position(&self.rest[from..], MARK).map_or(64, |at| self.rest.len() - from - at);
        self.rest.drain(..self.rest.len().saturating_sub(keep).max(from));
        Ok(times)
    }
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// `SECONDS.NANOSECONDS`, since 1970.
fn moment(text: &[u8]) -> Result<Duration, Box<dyn Error>> {
    let (seconds, rest) = std::str::from_utf8(text)?.split_once('.').ok_or("a line without a time")?;
    Ok(Duration::new(seconds.parse()?, rest.parse()?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [socket, run, count, lines] = &words[..] else { return Err("SOCKET RUN WATCHERS LINES".into()) };
    let (count, lines): (usize, usize) = (count.parse()?, lines.parse()?);
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut watchers = Vec::with_capacity(count);
    for number in 0..count {
        let watcher = Watcher::new(socket, run)?;
        epoll::add(&poll, &watcher.stream, EventData::new_u64(number as u64), EventFlags::IN)?;
        watchers.push(watcher);
    }
    let (mut standing, mut took) = (0, Vec::with_capacity(count * lines));
    let (mut events, mut buffer) = (Vec::with_capacity(count), vec![0; 1 << 16]);
    while took.len() < count * lines {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        for event in &events {
            let watcher = &mut watchers[usize::try_from({ event.data }.u64())?];
            let stood = watcher.stands;
            took.extend(watcher.read(&mut buffer)?.into_iter().map(|at| now.saturating_sub(at)));
            standing += usize::from(watcher.stands && !stood);
            if standing == count && watcher.stands && !stood {
                println!("standing");
            }
        }
    }
    took.sort_unstable();
    let at =
        |hundredth: usize| took[(took.len() * hundredth / 100).min(took.len() - 1)].as_secs_f64() * 1000.0;
    println!("{{\"median\": {:.1}, \"p99\": {:.1}, \"most\": {:.1}}}", at(50), at(99), at(100));
    Ok(())
}
