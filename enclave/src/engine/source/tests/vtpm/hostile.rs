//! TPMs and services that answer as none should.

use super::{Arc, Duration, Ipv4Addr, PATIENCE, TcpListener, Tpm, UNUSED, refused, source, text, with_text};
use crate::engine::source::vtpm::Wire;
use ring::digest::{SHA256, digest};
use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

const READ_PUBLIC: u32 = 0x169;
const READ: u32 = 0x14e;
const REGISTERS: u32 = 0x17e;
const QUOTE: u32 = 0x158;

type Answer = dyn Fn(u32, &[u8]) -> Vec<u8> + Send + Sync;

/// A TPM that answers a command, by its code, so.
struct Emulated {
    answer: Box<Answer>,
    /// Of an answer, at once.
    piece: usize,
    asked: Mutex<Vec<u32>>,
}

impl std::fmt::Debug for Emulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Emulated")
    }
}

#[derive(Debug, Clone)]
struct Shared(Arc<Emulated>, Vec<u8>);

impl Shared {
    fn new(piece: usize, answer: impl Fn(u32, &[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Emulated { answer: Box::new(answer), piece, asked: Mutex::default() }), Vec::new())
    }

    fn asked(&self, code: u32) -> usize {
        self.0.asked.lock().unwrap().iter().filter(|asked| **asked == code).count()
    }

    fn refused(&self) -> String {
        refused(&source(Arc::new(self.clone()), UNUSED, PATIENCE))
    }
}

impl Tpm for Shared {
    fn open(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(self.clone()))
    }
}

impl Write for Shared {
    fn write(&mut self, command: &[u8]) -> io::Result<usize> {
        assert_eq!(u32::from_be_bytes(command[2..6].try_into().unwrap()) as usize, command.len());
        let code = u32::from_be_bytes(command[6..10].try_into().unwrap());
        self.0.asked.lock().unwrap().push(code);
        self.1 = (self.0.answer)(code, command);
        Ok(command.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.len().min(buffer.len()).min(self.0.piece);
        buffer[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn answered(code: u32, parameters: &[u8]) -> Vec<u8> {
    let passwords = code == READ || code == QUOTE;
    let mut answer = vec![0x80, if passwords { 2 } else { 1 }, 0, 0, 0, 0, 0, 0, 0, 0];
    if passwords {
        answer.extend(u32::try_from(parameters.len()).unwrap().to_be_bytes());
    }
    answer.extend(parameters);
    if passwords {
        answer.extend([0, 0, 1, 0, 0]);
    }
    let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
    answer[2..6].copy_from_slice(&length);
    answer
}

/// A TPM as Azure's, with an envelope of three pieces, registers of zeros and a signature that is none, whose quote says this of the registers.
fn as_azures(sum: [u8; 32]) -> impl Fn(u32, &[u8]) -> Vec<u8> + Send + Sync {
    let mut envelope = vec![0; 1236];
    envelope[..4].copy_from_slice(b"HCLA");
    envelope[1224] = 2;
    envelope[1228] = 1;
    let envelope = with_text(&envelope, &text("____"));
    move |code, command| match code {
        READ_PUBLIC => {
            let size = u16::try_from(envelope.len()).unwrap().to_be_bytes();
            let public = [&command[10..14], &[0, 0x0b, 0, 0, 0, 0, 0, 0], &size].concat();
            answered(code, &[sized(&public), sized(&[0; 34])].concat())
        }
        READ => {
            let number = |at: usize| usize::from(u16::from_be_bytes([command[at], command[at + 1]]));
            let (count, at) = (number(31), number(33));
            answered(code, &sized(&envelope[at..at + count]))
        }
        REGISTERS => {
            // Eight of those that were asked for, as TPMs do.
            let asked = u32::from_le_bytes([command[17], command[18], command[19], 0]);
            let first = asked & asked.wrapping_neg();
            let given = (asked & (first * 0xff)).to_le_bytes();
            let head = [&[0, 0, 0, 9, 0, 0, 0, 1, 0, 0x0b, 3][..], &given[..3], &[0, 0, 0, 8]].concat();
            answered(code, &[head, sized(&[0; 32]).repeat(8)].concat())
        }
        QUOTE => {
            let question = &command[29..29 + 48];
            let message = [
                &[0xff, 0x54, 0x43, 0x47, 0x80, 0x18][..],
                &sized(&[0; 34]),
                &sized(question),
                &[0; 25],
                &[0, 0, 0, 1, 0, 0x0b, 3, 0xff, 0xff, 0xff],
                &sized(&sum),
            ];
            answered(code, &[sized(&message.concat()), vec![0, 0x14, 0, 0x0b], sized(&[1; 256])].concat())
        }
        _ => panic!("{code:#x}"),
    }
}

fn zeros() -> [u8; 32] {
    digest(&SHA256, &[0; 24 * 32]).as_ref().try_into().unwrap()
}

#[test]
fn an_answer_may_come_in_pieces_and_ends_where_it_says() {
    for piece in [1, 11, 4096] {
        let tpm = Shared::new(piece, as_azures(zeros()));
        // All of it is there, and nobody signed it.
        let why = tpm.refused();
        assert!(why.contains("the TPM's quote"), "{piece}: {why}");
        assert_eq!((tpm.asked(QUOTE), tpm.asked(REGISTERS)), (1, 3));
    }
    for code in [READ_PUBLIC, READ, REGISTERS, QUOTE] {
        let good = as_azures(zeros());
        let longer = move |asked: u32, command: &[u8]| {
            let mut answer = good(asked, command);
            if asked == code {
                answer.push(0);
            }
            answer
        };
        assert!(Shared::new(4096, longer).refused().contains("is none"), "{code:#x}");
    }
}

#[test]
fn answers_that_are_cut_or_lie_about_their_length_are_none() {
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let lengths: [(Change, &str); 6] = [
        (|_| Vec::new(), "end of file"),
        (|answer| answer[..answer.len() - 1].to_vec(), "end of file"),
        (|answer| [&answer[..2], &[0xff; 4], &answer[6..]].concat(), "none of a TPM"),
        (|answer| [&answer[..2], &[0, 0, 0x10, 1], &answer[6..], &[0; 4096]].concat(), "none of a TPM"),
        (|answer| [&answer[..2], &[0, 0, 0, 9], &answer[6..]].concat(), "none of a TPM"),
        (|answer| [&answer[..2], &[0, 0, 0, 10], &answer[6..]].concat(), "is none"),
    ];
    for code in [READ_PUBLIC, READ, REGISTERS, QUOTE] {
        for (change, words) in lengths {
            let good = as_azures(zeros());
            let answer = move |asked: u32, command: &[u8]| {
                let answer = good(asked, command);
                if asked == code { change(answer) } else { answer }
            };
            let why = Shared::new(4096, answer).refused();
            assert!(why.contains(words), "{code:#x}: {why}");
        }
    }
}

/// What an answer says of counts and lengths inside of it bounds nothing but itself.
#[test]
fn every_byte_of_an_answer_may_be_another() {
    for code in [READ_PUBLIC, READ, REGISTERS, QUOTE] {
        for at in (0..64).chain([100, 200, 300, 400]) {
            for byte in [0, 1, 0x7f, 0xff] {
                let good = as_azures(zeros());
                let answer = move |asked: u32, command: &[u8]| {
                    let mut answer = good(asked, command);
                    if let Some(found) = answer.get_mut(at).filter(|_| asked == code) {
                        *found = byte;
                    }
                    answer
                };
                let tpm = Shared::new(4096, answer);
                tpm.refused();
                assert!(tpm.0.asked.lock().unwrap().len() < 256, "{code:#x}, {at}, {byte}");
            }
        }
    }
}

/// The paravisor writes its report anew at a read, so that pieces may be of two writings.
#[test]
fn pieces_of_two_writings_are_read_again() {
    for (torn, reads, words) in
        [(1, 2, "the TPM's quote"), (2, 3, "the TPM's quote"), (9, 3, "what the paravisor says")]
    {
        let good = as_azures(zeros());
        let begun = Mutex::new(0);
        let answer = move |code: u32, command: &[u8]| {
            let mut answer = good(code, command);
            if code == READ {
                let mut begun = begun.lock().unwrap();
                let at = u16::from_be_bytes([command[33], command[34]]);
                *begun += u32::from(at == 0);
                // The report's data, in its first piece.
                if at == 0 && *begun <= torn {
                    answer[16 + 112] ^= 1;
                }
            }
            answer
        };
        let tpm = Shared::new(4096, answer);
        let why = tpm.refused();
        assert!(why.contains(words), "{torn}: {why}");
        assert_eq!(tpm.asked(READ), reads * 3, "{torn}");
    }
}

#[test]
fn a_quote_about_another_question_is_none_for_this_one() {
    let good = as_azures(zeros());
    let old = move |code: u32, command: &[u8]| {
        let mut answer = good(code, command);
        if code == QUOTE {
            // Its last byte, behind heads, the key's name and the other bytes.
            let at = 14 + 2 + 6 + 36 + 2 + 47;
            assert_eq!(answer[at], 7);
            answer[at] = 8;
        }
        answer
    };
    let why = Shared::new(4096, old).refused();
    assert!(why.contains("answers another question"), "{why}");
}

#[test]
fn an_index_as_large_as_they_get_is_read_to_its_end_and_is_none() {
    let answer = |code: u32, command: &[u8]| match code {
        READ_PUBLIC => {
            let public = [&command[10..14], &[0, 0x0b, 0, 0, 0, 0, 0, 0, 0xff, 0xff]].concat();
            answered(code, &[sized(&public), sized(&[])].concat())
        }
        READ => {
            let count = usize::from(u16::from_be_bytes([command[31], command[32]]));
            answered(code, &sized(&vec![0; count]))
        }
        _ => panic!("{code:#x}"),
    };
    let tpm = Shared::new(4096, answer);
    assert!(tpm.refused().contains("no report of a paravisor"));
    assert_eq!(tpm.asked(READ), 128);
}

#[test]
fn a_refusal_has_its_code_and_registers_that_never_rest_are_given_up() {
    for (code, words) in
        [(0x18b_u32, "no confidential machine of Azure"), (0x149, "0x149"), (0x922, "NV_ReadPublic")]
    {
        let answer = move |_: u32, _: &[u8]| [&[0x80, 1, 0, 0, 0, 10][..], &code.to_be_bytes()].concat();
        let tpm = Shared::new(4096, answer);
        let why = tpm.refused();
        assert!(why.contains(words), "{why}");
        // One that is busy is asked again, and not for ever.
        assert_eq!(tpm.asked(READ_PUBLIC), if code == 0x922 { 5 } else { 1 });
    }
    let tpm = Shared::new(4096, as_azures([1; 32]));
    assert!(tpm.refused().contains("8 times in a row"));
    assert_eq!(tpm.asked(QUOTE), 8);
}

#[test]
fn a_tpm_or_a_service_that_never_answers_is_not_waited_for() {
    let (over, wait) = channel::<()>();
    let wait: Mutex<Receiver<()>> = Mutex::new(wait);
    let answer = move |_: u32, _: &[u8]| {
        let _ = wait.lock().unwrap().recv();
        Vec::new()
    };
    let source = source(Arc::new(Shared::new(4096, answer)), UNUSED, Duration::from_millis(50));
    assert!(refused(&source).contains("/dev/tpmrm0 gave no answer within 50ms"));
    drop(over);
}

#[test]
fn a_service_is_given_up_after_its_time_and_its_bytes() {
    use crate::engine::source::http::{self, Unanswered};
    let within = |patience| Instant::now() + patience;
    let no = |answer| match answer {
        Err(Unanswered::No(why)) => why,
        other => panic!("{other:?}"),
    };
    let request = welkin_seal::MetadataRequest { path: "/", body: None };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: the kernel does, and nothing is said.
    let why = no(http::ask(address, &request, within(Duration::from_millis(50))));
    assert!(why.contains("does not answer"), "{why}");
    let (_silent, _) = listener.accept().unwrap();
    for first in ["", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] {
        let endless = listener.try_clone().unwrap();
        let endless = std::thread::spawn(move || {
            let (mut stream, _) = endless.accept().unwrap();
            let _ = stream.write_all(first.as_bytes());
            // Until nobody listens.
            while stream.write_all(b"1\r\n0\r\n").is_ok() {}
        });
        let why = no(http::ask(address, &request, within(PATIENCE)));
        assert!(why.contains("has no end") || why.contains("more than"), "{why}");
        endless.join().unwrap();
    }
    let why = no(http::ask(UNUSED, &request, within(PATIENCE)));
    assert!(why.contains("127.0.0.1:9 does not answer"), "{why}");
}
