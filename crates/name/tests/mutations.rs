//! The fuzz target's properties on some thousand mutations of the suite's texts, on any toolchain.

#[path = "../fuzz/properties.rs"]
mod properties;

use std::path::Path;

use serde_json::Value;

/// Mutations of each text. With some 330 texts this makes about 40,000 inputs.
const ROUNDS: usize = 120;

/// Pieces that the grammar gives a meaning.
const PIECES: [&str; 34] = [
    "sky:",
    "/",
    "//",
    ":",
    "@",
    "?",
    "#",
    "&",
    "=",
    ",",
    "*",
    "{",
    "}",
    "{a,b}",
    "!",
    "-",
    ".",
    "..",
    "%",
    "%2F",
    "%2C",
    "%C3%A9",
    "%C3",
    "é",
    "tier=spot",
    "tee=none",
    "hw=a:1",
    "api=b,a",
    "x-a.b=c",
    "sha256:",
    "arn:",
    "core",
    "\u{7f}",
    "_",
];

/// SplitMix64: a fixed seed, so that a failure comes back.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// One to four edits: a piece put in, a span taken out or doubled, a byte changed.
    fn mutate(&mut self, text: &[u8]) -> Vec<u8> {
        let mut out = text.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(out.len() + 1);
            let end = (at + self.below(9)).min(out.len());
            match self.below(4) {
                0 => {
                    let piece = PIECES[self.below(PIECES.len())].bytes();
                    out.splice(at..at, piece);
                }
                1 => {
                    out.drain(at..end);
                }
                2 => {
                    let span = out[at..end].to_vec();
                    out.splice(at..at, span);
                }
                _ if at < out.len() => out[at] = 0x20 + self.below(0x5f) as u8,
                _ => {}
            }
        }
        out
    }
}

fn texts() -> Vec<String> {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    let mut texts = Vec::new();
    for file in ["parse.json", "canonicalise.json", "reject.json", "selectors.json", "native.json"] {
        let root: Value = serde_json::from_str(
            &std::fs::read_to_string(suite.join(file)).expect("the suite is in the crate"),
        )
        .expect("the suite is JSON");
        for test in root["tests"].as_array().expect("a list of tests") {
            texts.push(test["input"].as_str().expect("each test has an input").to_owned());
            texts.extend(test["expected_output"].as_str().map(str::to_owned));
        }
    }
    texts
}

#[test]
fn properties_hold_on_the_suite_and_around_it() {
    let texts = texts();
    assert!(texts.len() > 200, "the suite has shrunk to {} texts", texts.len());
    let mut random = Random(2026);
    for text in &texts {
        properties::check(text.as_bytes());
        for _ in 0..ROUNDS {
            properties::check(&random.mutate(text.as_bytes()));
        }
    }
}
