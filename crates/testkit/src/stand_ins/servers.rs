//! The servers, and the flags that make them fit for tests.

use std::path::Path;

use super::program::{Program, program};
use super::server::{Recipe, StandIn};
use crate::did_not_run::DidNotRun;

/// The account of every Azure emulator, and its key: both are in Microsoft's documentation and open
/// nothing else.
const AZURE: (&str, &str) = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
);

/// rclone's S3 server over an empty folder; each folder in it is a bucket.
///
/// Its listings are up to 2 s old where the folder changes behind its back. It makes no ETags, as they
/// would cost an MD5 of every object, and knows no conditional writes.
pub fn rclone() -> Result<StandIn, DidNotRun> {
    let (access, secret) = ("rclone-key", "rclone-secret");
    let arguments = |port: u16, data: &Path| {
        let line =
            format!("serve s3 --addr 127.0.0.1:{port} --auth-key {access},{secret} --dir-cache-time 2s");
        let mut arguments = words(&line);
        arguments.extend(["--etag-hash".to_owned(), String::new(), data.display().to_string()]);
        arguments
    };
    start(Program::Rclone, &arguments, Some((access, secret)))
}

/// moto: S3 and most of the rest of AWS, as far as requests and states go. It takes any credentials.
pub fn moto() -> Result<StandIn, DidNotRun> {
    let arguments = |port: u16, _: &Path| words(&format!("-H 127.0.0.1 -p {port}"));
    start(Program::Moto, &arguments, Some(("moto-key", "moto-secret")))
}

/// Azurite: Azure Blob Storage. The endpoint of its account is `URL/devstoreaccount1`. It compares checksums
/// from 3.37 on; older ones refuse them unless they are loose.
pub fn azurite() -> Result<StandIn, DidNotRun> {
    let arguments = |port: u16, data: &Path| {
        let mut arguments = words(&format!(
            "--blobHost 127.0.0.1 --blobPort {port} --skipApiVersionCheck --loose --silent --disableTelemetry"
        ));
        arguments.extend(["--location".to_owned(), data.display().to_string()]);
        arguments
    };
    start(Program::Azurite, &arguments, Some(AZURE))
}

/// The emulator of Google Cloud Storage, in memory. It asks for no credentials and ignores
/// preconditions; its XML interface knows no multipart uploads.
pub fn gcs() -> Result<StandIn, DidNotRun> {
    let arguments = |port: u16, _: &Path| words(&format!("start --host 127.0.0.1 --port {port} --in-memory"));
    start(Program::GcsEmulator, &arguments, None)
}

/// An identity provider, with these people: JSON objects of their claims, with `sub`. Whoever says at its `/oauth2/authorize` who
/// they are is believed.
pub fn oidc_mock(people: &[&str]) -> Result<StandIn, DidNotRun> {
    let arguments = |port: u16, _: &Path| {
        let mut arguments = words(&format!("--host 127.0.0.1 --port {port} --require-nonce true"));
        arguments.extend(people.iter().flat_map(|person| ["--user-claims".to_owned(), (*person).to_owned()]));
        arguments
    };
    start(Program::OidcMock, &arguments, None)
}

fn start(
    of: Program,
    arguments: &dyn Fn(u16, &Path) -> Vec<String>,
    credentials: Option<(&str, &str)>,
) -> Result<StandIn, DidNotRun> {
    let program = program(of)?;
    Ok(StandIn::start(&Recipe { program, arguments, credentials }))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
