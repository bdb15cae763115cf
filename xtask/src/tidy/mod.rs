//! The rules of the house that neither the compiler nor clippy knows.
//!
//! 1. `cargo metadata` gives the workspace's crates; each is looked up in the one table of rings.
//! 2. Every Rust file is split into code, strings and comments by a small lexer, so that a rule never
//!    trips over a word in a comment. No parser: rules that need one belong in clippy.
//! 3. Each rule returns findings; a comment in the code can expect one, with a reason.
//!
//! Guarantee: a finding names a file, a line and a remedy. An expectation that nothing fulfils is a
//! finding itself, so exceptions disappear with their cause.

mod expectation;
mod finding;
mod lexer;
mod report;
mod rings;
mod rules;
mod scan;
mod source;
mod tree;
mod workspace;

pub(crate) use report::run;
pub(crate) use rules::rule_list;
