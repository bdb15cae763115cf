//! Evidence that real hardware gave, as published crates carry it: `.ci/stand-ins.sh` fetches them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, and one that is skipped says so"
)]

mod azure;
mod intel;
mod nitro;
mod recorded;
mod snp;
