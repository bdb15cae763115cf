//! The program that starts several engines on one machine, as `welkin` starts it.

use crate::together::{sorted, visits};
use crate::world::{World, text};
use ring::rand::SystemRandom;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use welkin_enclave::Form;
use welkin_seal::{Challenge, Contract, Hex, Message, Run};

const QUERY: &str = "SELECT city, count(*) AS visits FROM visits GROUP BY city";

/// Three engines, and whoever speaks for them.
struct Started {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where it may leave something.
    temporary: PathBuf,
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_welkin-enclave"))
}

/// What the program measures.
fn measured() -> Hex<48> {
    let mut child = program().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\"measure\"\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    Hex::parse(answer["measurement"].as_str().unwrap()).unwrap()
}

fn world() -> World {
    let mut world = visits();
    world.measured = measured();
    world
}

impl Started {
    fn new(world: &World, engines: u32) -> Self {
        let temporary = world.fresh("tmp");
        let mut child = program()
            .env("TMPDIR", &temporary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let start = format!("{{\"engine\":{{\"tee\":[\"simulated\"],\"engines\":{engines}}}}}\n");
        input.write_all(start.as_bytes()).unwrap();
        Self { child, input, output, temporary }
    }

    fn say(&mut self, message: &Message) {
        self.input.write_all(&message.line()).unwrap();
    }

    fn hear(&mut self) -> Message {
        let mut line = Vec::new();
        self.output.read_until(b'\n', &mut line).unwrap();
        Message::read(&line).unwrap()
    }

    /// Evidence, keys, and what is to run.
    fn released(&mut self, world: &World, contract: &Contract) -> Run {
        let challenge = Challenge::draw(contract.digest(), &SystemRandom::new()).unwrap();
        self.say(&Message::Challenge(challenge));
        let Message::Attested(answer) = self.hear() else { panic!("no evidence") };
        assert_eq!(answer.peers.len(), 2);
        Run {
            contract: text(contract),
            query: QUERY.to_owned(),
            inputs: world.inputs.clone(),
            released: world.judged(contract, &answer, challenge),
            nonce: challenge.nonce,
            output: world.fresh("out").join("result"),
            memory: 1 << 30,
            threads: 3,
            spill: None,
            gathered: None,
        }
    }

    /// Its engines, in their order.
    fn engines(&self) -> Vec<u32> {
        let id = self.child.id();
        let mut children = Vec::new();
        for entry in fs::read_dir("/proc").unwrap() {
            let Ok(process) = entry.unwrap().file_name().to_string_lossy().parse::<u32>() else { continue };
            // One that ended meanwhile is nobody's.
            let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
            if parent == Some(&id.to_string()) {
                children.push(process);
            }
        }
        children.sort_unstable();
        children
    }

    /// Until it and all its engines are gone: each has an end of this pipe.
    fn gone(&mut self) -> String {
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        self.child.wait().unwrap();
        told
    }

    fn leaves_nothing(&self, run: &Run) {
        assert_eq!(fs::read_dir(run.output.parent().unwrap()).unwrap().count(), 0);
        assert_eq!(fs::read_dir(&self.temporary).unwrap().count(), 0);
    }
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

#[test]
fn one_program_starts_three_engines_and_answers_as_one() {
    let world = world();
    let contract = world.contract_of(3, QUERY);
    let mut started = Started::new(&world, 3);
    let run = started.released(&world, &contract);
    started.say(&Message::Run(Box::new(run.clone())));
    let Message::Ran(ran) = started.hear() else { panic!("it did not run") };
    assert_eq!((ran.contract, ran.rows), (contract.digest(), 37));
    started.gone();
    let result = String::from_utf8(world.opened(&run.output, Form::Csv)).unwrap();
    assert!(sorted(&result).contains(&"city-7,122"), "{result}");
    assert_eq!(fs::read_dir(run.output.parent().unwrap()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&started.temporary).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn an_engine_that_is_killed_ends_the_run_and_leaves_nothing() {
    let world = world();
    let contract = world.contract_of(3, QUERY);
    for rank in 0..3 {
        let mut started = Started::new(&world, 3);
        let run = started.released(&world, &contract);
        let engines = started.engines();
        assert_eq!(engines.len(), 3);
        // It does not go on, so that the others cannot be done.
        signal("-STOP", engines[rank]);
        started.say(&Message::Run(Box::new(run.clone())));
        signal("-KILL", engines[rank]);
        let Message::Refused { code, why } = started.hear() else { panic!("it ran") };
        assert_eq!(code, "peer", "{why}");
        started.gone();
        started.leaves_nothing(&run);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn engines_end_with_whoever_started_them() {
    let world = world();
    let contract = world.contract_of(3, QUERY);
    for runs in [false, true] {
        let mut started = Started::new(&world, 3);
        let run = started.released(&world, &contract);
        let engines = started.engines();
        if runs {
            signal("-STOP", engines[2]);
            started.say(&Message::Run(Box::new(run)));
        }
        started.child.kill().unwrap();
        if runs {
            signal("-CONT", engines[2]);
        }
        started.gone();
    }
}

#[test]
fn a_query_that_is_refused_is_refused_by_all_with_one_word() {
    let world = world();
    let contract = world.contract_of(3, QUERY);
    let mut started = Started::new(&world, 3);
    let run = Run { query: "SELECT 1".to_owned(), ..started.released(&world, &contract) };
    started.say(&Message::Run(Box::new(run.clone())));
    let Message::Refused { code, .. } = started.hear() else { panic!("it ran") };
    assert_eq!(code, "changed-code");
    started.gone();
    started.leaves_nothing(&run);
}

#[test]
fn so_many_engines_are_no_group() {
    let world = world();
    for count in [0, 17] {
        let mut started = Started::new(&world, count);
        let told = started.gone();
        assert!(told.contains("16"), "{told}");
    }
}
