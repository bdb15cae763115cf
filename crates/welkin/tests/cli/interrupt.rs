//! Ctrl-C, SIGTERM and `welkin cancel`: clean ends.

use crate::bed::{Bed, both, stderr};
use crate::broker::Apart;
use crate::going_on::store;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use welkin_testkit::s3::{Attributes, Fault, Operation, Rule, S3Options, S3Server};

const JOB: &str = "name: endless\nresources: {cpus: 2+}\nrun: |\n  echo started\n  sleep 10000\n";

/// A run whose script is at work.
fn started(bed: &Bed) -> Child {
    bed.file("job.yaml", JOB);
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "endless | started"));
    // Whatever follows must not fill the pipe.
    std::thread::spawn(move || lines.count());
    up
}

#[test]
fn a_signal_in_a_pipe_cancels_and_gives_everything_back() {
    for signal in [Signal::INT, Signal::TERM] {
        let bed = Bed::new();
        let mut up = started(&bed);
        kill_process(Pid::from_child(&up), signal).unwrap();
        assert_eq!(up.wait().unwrap().code(), Some(7));
        assert_eq!(bed.json(&["status"])["run"]["state"], "cancelled");
        bed.assert_clean();
    }
}

#[test]
fn another_process_can_cancel() {
    let bed = Bed::new();
    let mut up = started(&bed);
    let told = bed.ok(["cancel", "endless"]);
    assert!(told.trim_end().ends_with("cancelled"), "{told}");
    assert_eq!(up.wait().unwrap().code(), Some(7));
    bed.assert_clean();
}

#[test]
fn a_run_that_nobody_drives_can_be_cancelled_and_taken_down() {
    for command in ["cancel", "down"] {
        let bed = Bed::new();
        let mut up = started(&bed);
        up.kill().unwrap();
        up.wait().unwrap();
        assert_eq!(bed.leases().len(), 1);
        bed.ok([command, "endless"]);
        assert_eq!(bed.json(&["status"])["run"]["state"], "cancelled");
        bed.assert_clean();
    }
}

/// A terminal with the program on its other end.
struct Terminal {
    side: File,
    seen: String,
}

impl Terminal {
    /// Starts the run with this terminal as its standard input and error.
    fn start(bed: &Bed) -> (Self, Child) {
        bed.file("job.yaml", JOB);
        Self::of(bed.command(["up", "job.yaml"]))
    }

    /// The same of any command.
    fn of(mut command: Command) -> (Self, Child) {
        let side = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&side).unwrap();
        unlockpt(&side).unwrap();
        let name = ptsname(&side, Vec::new()).unwrap();
        let other = open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let child = command
            .stdin(Stdio::from(other.try_clone().unwrap()))
            .stderr(Stdio::from(other))
            .spawn()
            .unwrap();
        (Self { side: File::from(side), seen: String::new() }, child)
    }

    /// Reads until `text` is on the screen.
    fn until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.seen.contains(text) {
            let read = self.side.read(&mut bytes).unwrap_or_else(|error| panic!("{error}: {}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        self.seen.clear();
    }
}

#[test]
fn on_a_terminal_the_first_interrupt_asks() {
    let bed = Bed::new();
    let (mut terminal, mut up) = Terminal::start(&bed);
    let interrupt = |up: &Child| kill_process(Pid::from_child(up), Signal::INT).unwrap();
    terminal.until("running");
    interrupt(&up);
    terminal.until("cancel the run? [y/N]");
    terminal.side.write_all(b"n\n").unwrap();
    terminal.until("continuing");
    assert_eq!(bed.json(&["status"])["run"]["state"], "running");
    interrupt(&up);
    terminal.until("cancel the run? [y/N]");
    terminal.side.write_all(b"y\n").unwrap();
    terminal.until("cancelling");
    assert_eq!(up.wait().unwrap().code(), Some(7));
    bed.assert_clean();
}

#[test]
fn on_a_terminal_the_second_interrupt_cancels() {
    let bed = Bed::new();
    let (mut terminal, mut up) = Terminal::start(&bed);
    terminal.until("running");
    for expected in ["cancel the run? [y/N]", "cancelling"] {
        kill_process(Pid::from_child(&up), Signal::INT).unwrap();
        terminal.until(expected);
    }
    assert_eq!(up.wait().unwrap().code(), Some(7));
    bed.assert_clean();
}

/// The question whether all is to be removed.
#[test]
fn a_signal_at_a_question_is_an_answer() {
    for signal in [Signal::INT, Signal::TERM] {
        let bed = Bed::new();
        let there = bed.file("dst/precious", "");
        std::fs::create_dir(bed.path().join("empty")).unwrap();
        let mirror = ["sync", "empty", "dst", "--delete", "--max-delete", "100%"];
        let (mut terminal, mut sync) = Terminal::of(bed.command(mirror));
        terminal.until("[y/N]");
        kill_process(Pid::from_child(&sync), signal).unwrap();
        terminal.until("nothing was removed");
        assert_eq!(sync.wait().unwrap().code(), Some(14));
        assert!(there.exists());
    }
}

/// The first is heard when the store has answered; a store that wants to be asked again in two minutes is not waited for.
#[test]
fn a_second_signal_ends_a_removal_that_waits_for_a_store() {
    let server = S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    assert!(server.put("bkt", "old", b"old".to_vec(), Attributes::default()));
    let busy = Rule::new(Fault::SlowDown { retry_after_s: 120 });
    server.inject(busy.only(&[Operation::DeleteObject]));
    let bed = Bed::new();
    bed.file("src/a", "a");
    bed.file("h/config.toml", &store("mo", &server));
    let mirror = ["sync", "src", "mo:bkt", "--delete", "--max-delete", "100%"];
    let mut sync = bed.command(mirror).spawn().unwrap();
    while server.counts().of(Operation::DeleteObject) == 0 {
        assert!(sync.try_wait().unwrap().is_none());
    }
    for signal in [Signal::INT, Signal::TERM] {
        kill_process(Pid::from_child(&sync), signal).unwrap();
    }
    assert_eq!(sync.wait().unwrap().code(), Some(14));
    assert!(server.objects("bkt").iter().any(|object| object.key == "old"));
}

#[test]
fn whoever_follows_a_run_may_leave_it_to_the_broker_and_cancel_it_later() {
    let apart = Apart::new();
    apart.file("job.yaml", JOB);
    let interrupt = |child: &Child| kill_process(Pid::from_child(child), Signal::INT).unwrap();
    let (mut terminal, mut up) = Terminal::of(apart.command(["up", "job.yaml"]));
    for (answer, then) in [("\n", "continuing"), ("d\n", "continues")] {
        if answer == "\n" {
            terminal.until("running");
        }
        interrupt(&up);
        terminal.until("[d]etach, [c]ancel, or Enter to continue?");
        terminal.side.write_all(answer.as_bytes()).unwrap();
        terminal.until(then);
    }
    assert_eq!(up.wait().unwrap().code(), Some(0));
    assert_eq!(apart.json(&["status"])["run"]["state"], "running");
    let (mut terminal, mut follower) = Terminal::of(apart.command(["resume"]));
    terminal.until("running");
    interrupt(&follower);
    terminal.until("[d]etach, [c]ancel, or Enter to continue?");
    terminal.side.write_all(b"c\n").unwrap();
    terminal.until("cancelling");
    assert_eq!(follower.wait().unwrap().code(), Some(7));
    assert_eq!(apart.leases(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn leases_of_records_that_were_lost_are_listed_and_taken_over_on_request() {
    let bed = Bed::new();
    bed.file("job.yaml", "name: lost\nresources: {cpus: 2+}\nrun: echo started; sleep 600\n");
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "lost | started"));
    up.kill().unwrap();
    up.wait().unwrap();
    std::fs::remove_dir_all(bed.home().join("state")).unwrap();

    let found = bed.json(&["gc"]);
    assert_eq!(
        (found["strays"].as_array().unwrap().len(), found["leases"].as_array().unwrap().len()),
        (1, 0)
    );
    let told = bed.run(["gc"]);
    assert!(stderr(&told).contains("belongs to another owner"), "{}", both(&told));
    let asked = bed.run(["gc", "--take-over"]);
    assert_eq!(asked.status.code(), Some(2), "nobody is there to be asked: {}", both(&asked));
    assert_eq!(bed.leases().len(), 1);
    let taken = bed.json(&["gc", "--take-over", "--yes"]);
    assert_eq!(taken["leases"].as_array().unwrap().len(), 1, "{taken}");
    bed.assert_clean();
}
