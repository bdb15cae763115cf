//! Each server takes an object and gives it back.

use welkin_testkit::stand_ins::{Program, azurite, gcs, moto, program, rclone};

use crate::tools::{Desk, or_skip, run};

#[test]
fn rclone_serves_s3() {
    let Some(server) = or_skip("rclone_serves_s3", rclone()) else { return };
    let desk = Desk::new();
    desk.there_and_back_with_s5cmd("rclone_serves_s3", &server.url(), server.credentials());
    assert_eq!(std::fs::read(server.folder().join("bucket/a/object")).unwrap(), desk.sent());
}

#[test]
fn moto_serves_s3() {
    let Some(server) = or_skip("moto_serves_s3", moto()) else { return };
    Desk::new().there_and_back_with_s5cmd("moto_serves_s3", &server.url(), server.credentials());
}

#[test]
fn azurite_serves_blobs() {
    let test = "azurite_serves_blobs";
    let Some(server) = or_skip(test, azurite()) else { return };
    let Some(tool) = or_skip(test, program(Program::Rclone)) else { return };
    let desk = Desk::new();
    let (account, key) = server.credentials().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = desk.command(&tool, None);
        command
            .env("RCLONE_CONFIG_REMOTE_TYPE", "azureblob")
            .env("RCLONE_CONFIG_REMOTE_ACCOUNT", account)
            .env("RCLONE_CONFIG_REMOTE_KEY", key)
            .env("RCLONE_CONFIG_REMOTE_ENDPOINT", format!("{}/{account}", server.url()))
            .args(arguments);
        run(&mut command)
    };
    command(&["mkdir", "remote:container"]);
    command(&["copyto", "sent", "remote:container/a/object"]);
    command(&["copyto", "remote:container/a/object", "got"]);
    desk.assert_same();
}

#[test]
fn the_gcs_emulator_serves_objects() {
    let test = "the_gcs_emulator_serves_objects";
    let Some(server) = or_skip(test, gcs()) else { return };
    let Some(tool) = or_skip(test, program(Program::Rclone)) else { return };
    let desk = Desk::new();
    let command = |arguments: &[&str]| {
        let mut command = desk.command(&tool, None);
        command
            .env("RCLONE_CONFIG_REMOTE_TYPE", "gcs")
            .env("RCLONE_CONFIG_REMOTE_ANONYMOUS", "true")
            .env("RCLONE_CONFIG_REMOTE_PROJECT_NUMBER", "1234")
            .env("RCLONE_CONFIG_REMOTE_ENDPOINT", format!("{}/storage/v1/", server.url()))
            .args(arguments);
        run(&mut command)
    };
    command(&["mkdir", "remote:bucket"]);
    command(&["copyto", "sent", "remote:bucket/a/object"]);
    command(&["copyto", "remote:bucket/a/object", "got"]);
    desk.assert_same();
}

#[test]
fn a_server_is_gone_when_it_is_dropped() {
    let Some(server) = or_skip("a_server_is_gone_when_it_is_dropped", rclone()) else { return };
    let (address, folder) = (server.address(), server.folder());
    drop(server);
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(!folder.exists());
}
