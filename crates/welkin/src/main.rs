//! The `welkin` command.
fn main() {}
