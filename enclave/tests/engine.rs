//! The program as `welkin` starts it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use welkin_seal::{Challenge, Hex, Message};

/// One that may give evidence of this kind.
fn engine(tee: &str) -> (Child, ChildStdin, BufReader<std::process::ChildStdout>) {
    let program = env!("CARGO_BIN_EXE_welkin-enclave");
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    input.write_all(format!("{{\"engine\":{{\"tee\":[\"{tee}\"]}}}}\n").as_bytes()).unwrap();
    (child, input, output)
}

fn ask(message: &Message, input: &mut ChildStdin, output: &mut impl BufRead) -> Message {
    input.write_all(&message.line()).unwrap();
    let mut line = Vec::new();
    output.read_until(b'\n', &mut line).unwrap();
    Message::read(&line).unwrap()
}

#[test]
fn an_engine_answers_until_its_input_ends_and_leaves_no_memory_behind() {
    let (mut child, mut input, mut output) = engine("simulated");
    let challenge = Challenge { nonce: Hex([1; 32]), contract: Hex([2; 32]) };
    let answer = ask(&Message::Challenge(challenge), &mut input, &mut output);
    assert!(matches!(answer, Message::Attested(_)), "{answer:?}");
    let other = Challenge { contract: Hex([3; 32]), ..challenge };
    let answer = ask(&Message::Challenge(other), &mut input, &mut output);
    assert!(matches!(&answer, Message::Refused { code, .. } if code == "other-session"), "{answer:?}");
    if cfg!(target_os = "linux") {
        let dumped = fs::read_to_string(format!("/proc/{}/coredump_filter", child.id())).unwrap();
        assert_eq!(dumped.trim().trim_start_matches('0'), "", "a crash would write its memory to disk");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// This machine has no such hardware, or has it and does not simulate: there is no third way.
#[test]
fn an_engine_that_was_told_to_ask_hardware_does_not_simulate() {
    let guest = ("/sys/kernel/config/tsm/report", "CONFIG_TSM_REPORTS");
    for (tee, (device, hint)) in [
        ("sev-snp", guest),
        ("tdx", guest),
        ("sgx", ("/dev/attestation", "gramine-sgx")),
        ("nitro", ("/dev/nsm", "no Nitro Enclave")),
        ("azure-sev-snp", ("/dev/tpmrm0", "no confidential machine of Azure")),
        ("azure-tdx", ("/dev/tpmrm0", "no confidential machine of Azure")),
    ] {
        let there = std::path::Path::new(device).exists();
        let (_child, mut input, mut output) = engine(tee);
        let challenge = Challenge { nonce: Hex([1; 32]), contract: Hex([2; 32]) };
        match ask(&Message::Challenge(challenge), &mut input, &mut output) {
            Message::Refused { code, why } => {
                assert_eq!(code, "no-evidence");
                assert!(there || why.contains(device) && why.contains(hint), "{tee}: {why}");
            }
            Message::Attested(attested) => assert_eq!(attested.evidence.kind.name(), tee),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_kind_that_no_engine_gives_is_refused_by_its_name() {
    for tee in ["gpu-cc", "sev", "auto", "azure-snp", ""] {
        let (_child, mut input, mut output) = engine(tee);
        let challenge = Challenge { nonce: Hex([1; 32]), contract: Hex([2; 32]) };
        let answer = ask(&Message::Challenge(challenge), &mut input, &mut output);
        let Message::Refused { code, why } = answer else { panic!("{answer:?}") };
        assert_eq!(code, "no-evidence");
        assert!(why.contains(&format!("gives none of `{tee}`; it gives sev-snp, ")), "{why}");
    }
}

#[test]
fn what_is_no_message_ends_the_talk() {
    for line in [&b"{}\n"[..], b"\"ran\"\n", b"\xff\n", b"{\"run\":{}}\n"] {
        let (mut child, mut input, _output) = engine("simulated");
        input.write_all(line).unwrap();
        drop(input);
        assert!(!child.wait().unwrap().success(), "{line:?}");
    }
}
