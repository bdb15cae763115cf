//! Names that have gone wrong somewhere.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use fastrand::Rng;

/// Which names the places of a round can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Whatever a folder can.
    Bytes,
    /// Whatever an object store can: UTF-8, and no control characters, which XML cannot hold.
    Text,
}

/// Not here: U+201B, with which rclone marks what it encodes, and which it reads back wrong.
const TEXT: &[&str] = &[
    "a",
    "b",
    "A",
    "a.txt",
    "b.TXT",
    ".hidden",
    ".welkin-x",
    ".welkin-part-1",
    "with space",
    " leading",
    "trailing ",
    "ünï-cödé",
    "u\u{308}",
    "\u{fc}",
    "日本",
    "😀",
    "plus+plus",
    "per%20cent",
    "per%cent",
    "#hash",
    "quest?ion",
    "amp&",
    "quo'te",
    "dou\"ble",
    "star*",
    "back\\slash",
    "[x]",
    "{a,b}",
    "~tilde",
    "-dash",
    "--delete",
    "eq=",
    "semi;",
    "a,b",
    "colon:x",
    "x@y",
    "$HOME",
    "...",
    "a..b",
    "dot.",
    "manifest.json",
    "\u{ff0f}wide",
];

const BYTES: &[&[u8]] = &[
    b"new\nline",
    b"tab\t",
    b"\xff\xfe",
    b"ok-\xc3",
    b"\x01",
    b"bell\x07",
    b"\x7f",
    b"cr\r",
    b"esc\x1b[31m",
];

/// Longest name of Linux's file systems, in bytes.
const LONGEST: usize = 255;

/// The names of one round: few, so that steps meet one another.
pub(super) fn pool(rng: &mut Rng, alphabet: Alphabet) -> Vec<OsString> {
    let mut pool: Vec<OsString> =
        (0..rng.usize(3..8)).map(|_| OsString::from(TEXT[rng.usize(..TEXT.len())])).collect();
    if rng.u8(..6) == 0 {
        pool.push("n".repeat(LONGEST - rng.usize(..3) * 20).into());
    }
    if alphabet == Alphabet::Bytes && rng.u8(..3) == 0 {
        pool.push(OsString::from_vec(BYTES[rng.usize(..BYTES.len())].to_vec()));
    }
    pool
}

/// A path of one to four of them; seldom a very deep one.
pub(super) fn path(rng: &mut Rng, pool: &[OsString]) -> OsString {
    let depth = match rng.u8(..20) {
        0 => 12,
        1..8 => 1,
        8..15 => 2,
        15..18 => 3,
        _ => 4,
    };
    let mut path = OsString::new();
    for level in 0..depth {
        if level > 0 {
            path.push("/");
        }
        path.push(&pool[rng.usize(..pool.len())]);
    }
    // A key of S3 has at most 1,024 bytes, and a prefix of ours goes before it.
    if path.len() > 900 { pool[0].clone() } else { path }
}
