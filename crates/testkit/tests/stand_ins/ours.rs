//! Our S3 server, as tools see it that sign, send checksums in trailers, and upload in parts.

use std::path::Path;

use welkin_testkit::s3::{Attributes, Operation, S3Options, S3Server};
use welkin_testkit::stand_ins::{Program, program};

use crate::tools::{Desk, or_skip, run};

fn server() -> S3Server {
    S3Server::start(S3Options::default().credentials("key", "secret").bucket("pail")).unwrap()
}

fn assert_stored(server: &S3Server, desk: &Desk) {
    let [object] = &server.objects("pail")[..] else { panic!("{:?}", server.objects("pail")) };
    assert_eq!(object.blake3, Some(blake3::hash(&desk.sent())));
    assert!(server.open_uploads().is_empty());
}

#[test]
fn s5cmd_puts_and_gets() {
    let Some(tool) = or_skip("s5cmd_puts_and_gets", program(Program::S5cmd)) else { return };
    let (server, desk) = (server(), Desk::new());
    let url = server.url();
    let s5cmd = |arguments: &[&str]| {
        let mut command = desk.command(&tool, server.credentials());
        run(command.args(["--endpoint-url", &url]).args(arguments))
    };
    s5cmd(&["cp", "sent", "s3://pail/a b/é"]);
    assert_stored(&server, &desk);
    s5cmd(&["cp", "s3://pail/a b/é", "got"]);
    desk.assert_same();
    assert!(s5cmd(&["ls", "s3://pail/a b/"]).contains("1500000"));
    s5cmd(&["rm", "s3://pail/*"]);
    assert!(server.objects("pail").is_empty());
}

#[test]
fn aws_checks_its_own_checksums() {
    let Some(tool) = or_skip("aws_checks_its_own_checksums", program(Program::Aws)) else { return };
    let (server, desk) = (server(), Desk::new());
    let url = server.url();
    let aws = |arguments: &[&str]| {
        let mut command = desk.command(&tool, server.credentials());
        run(command.args(["--endpoint-url", &url]).args(arguments))
    };
    aws(&[
        "s3api",
        "put-object",
        "--bucket",
        "pail",
        "--key",
        "k",
        "--body",
        "sent",
        "--content-type",
        "a/b",
    ]);
    assert_stored(&server, &desk);
    aws(&["s3api", "get-object", "--bucket", "pail", "--key", "k", "--checksum-mode", "ENABLED", "got"]);
    desk.assert_same();
    assert_eq!(server.objects("pail")[0].attributes.content_type.as_deref(), Some("a/b"));
}

#[test]
fn aws_uploads_in_parts() {
    let Some(tool) = or_skip("aws_uploads_in_parts", program(Program::Aws)) else { return };
    let (server, desk) = (server(), Desk::new());
    std::fs::write(desk.path("sent"), desk.sent().repeat(9)).unwrap();
    let url = server.url();
    let aws = |arguments: &[&str]| {
        let mut command = desk.command(&tool, server.credentials());
        run(command.args(["--endpoint-url", &url]).args(arguments))
    };
    aws(&["s3", "cp", "sent", "s3://pail/k"]);
    assert_stored(&server, &desk);
    assert_eq!(server.counts().of(Operation::UploadPart), 2);
    aws(&["s3", "cp", "s3://pail/k", "got"]);
    desk.assert_same();
}

#[test]
fn rclone_copies_a_tree() {
    let Some(tool) = or_skip("rclone_copies_a_tree", program(Program::Rclone)) else { return };
    let (server, desk) = (server(), Desk::new());
    for number in 0..1_500 {
        assert!(server.put(
            "pail",
            &format!("tree/{}/{number}", number % 7),
            vec![7; 10],
            Attributes::default()
        ));
    }
    let rclone = |arguments: &[&str]| run(s3_remote(&desk, &tool, &server).args(arguments));
    rclone(&["copy", "remote:pail/tree", "remote:pail/copy", "--transfers", "16", "--checkers", "16"]);
    assert_eq!(server.objects("pail").len(), 3_000);
    rclone(&["check", "remote:pail/tree", "remote:pail/copy", "--download"]);
    rclone(&["copyto", "sent", "remote:pail/k"]);
    rclone(&["copyto", "remote:pail/k", "got"]);
    desk.assert_same();
}

#[test]
fn a_wrong_secret_is_refused() {
    let Some(tool) = or_skip("a_wrong_secret_is_refused", program(Program::S5cmd)) else { return };
    let (server, desk) = (server(), Desk::new());
    let mut command = desk.command(&tool, Some(("key", "wrong")));
    let output = command.args(["--endpoint-url", &server.url(), "ls", "s3://pail"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("SignatureDoesNotMatch"), "{said}");
}

fn s3_remote(desk: &Desk, tool: &Path, server: &S3Server) -> std::process::Command {
    let (access, secret) = server.credentials().unwrap();
    let mut command = desk.command(tool, None);
    command
        .env("RCLONE_CONFIG_REMOTE_TYPE", "s3")
        .env("RCLONE_CONFIG_REMOTE_PROVIDER", "Other")
        .env("RCLONE_CONFIG_REMOTE_ENDPOINT", server.url())
        .env("RCLONE_CONFIG_REMOTE_ACCESS_KEY_ID", access)
        .env("RCLONE_CONFIG_REMOTE_SECRET_ACCESS_KEY", secret)
        .env("RCLONE_CONFIG_REMOTE_REGION", "us-east-1")
        .env("RCLONE_CONFIG_REMOTE_FORCE_PATH_STYLE", "true");
    command
}
