//! Keys of parties that a PKCS#11 token holds under its own: SoftHSM, as Debian packages it.

#![expect(clippy::print_stdout, reason = "a test that did not run says so")]

use crate::bed::{Bed, both};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use welkin_testkit::stand_ins::{self, SoftHsm};

const PIN: &str = "1234-5678";

/// A home whose user has tokens.
struct Held {
    bed: Bed,
    hsm: SoftHsm,
}

impl Held {
    /// With the token `The first`, and a file with its PIN.
    fn new() -> Option<Self> {
        let hsm = match stand_ins::softhsm() {
            Ok(hsm) => hsm,
            Err(why) => {
                println!("{why}");
                return None;
            }
        };
        hsm.token("The first", PIN);
        let held = Self { bed: Bed::new(), hsm };
        held.pin("pin", PIN);
        Some(held)
    }

    fn pin(&self, name: &str, pin: &str) -> PathBuf {
        let path = self.bed.file(name, &format!("{pin}\n"));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn address(&self, token: &str, query: &str) -> String {
        let module = self.hsm.module().display();
        format!("pkcs11:token={token};object=welkin?module-path={module}{query}")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bed.command(args);
        command.env("SOFTHSM2_CONF", self.hsm.config());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, args: &[&str], word: &str) {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(16), "{args:?}: {}", both(&output));
        let told = both(&output);
        assert!(told.contains("error[seal::key]") && told.contains(word), "{args:?}: {told}");
    }

    fn key_file(&self) -> PathBuf {
        self.bed.home().join("seal/keys/a.json")
    }
}

const SIGN: [&str; 5] = ["seal", "log", "head", "--party", "a"];

#[test]
fn a_token_seals_the_keys_of_a_party_and_opens_them_for_its_pin() {
    let Some(held) = Held::new() else { return };
    let address = held.address("The%20first", "");
    let args = ["seal", "keygen", "--party", "a", "--token", &address, "--passphrase-file", "pin"];
    let made: Value = serde_json::from_str(&held.ok(&[&args[..], &["--output", "json"]].concat())).unwrap();
    assert_eq!(made["protection"], "pkcs11");
    let text = fs::read_to_string(held.key_file()).unwrap();
    assert!(text.contains(&format!("\"place\": \"{address}\"")) && !text.contains(PIN), "{text}");
    let head = held.ok(&[&SIGN[..], &["--passphrase-file", "pin"]].concat());
    held.bed.file("head.json", &head);
    held.ok(&["seal", "log", "verify", "--head", "head.json"]);
    held.refused(&SIGN, "need the PIN of a token, and there is no terminal to ask");
    held.pin("wrong", "87654321");
    held.refused(
        &[&SIGN[..], &["--passphrase-file", "wrong"]].concat(),
        "the PIN of the token `The first` is wrong",
    );
    // A second party under the same key, and several who ask at once.
    held.ok(&["seal", "keygen", "--party", "b", "--token", &address, "--passphrase-file", "pin"]);
    let asking =
        (0..4).map(|_| held.command(&[&SIGN[..], &["--passphrase-file", "pin"]].concat()).spawn().unwrap());
    for child in asking.collect::<Vec<_>>() {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    }
}

#[test]
fn the_address_may_say_where_the_pin_is() {
    let Some(held) = Held::new() else { return };
    let pin = held.bed.path().join("pin");
    let address = held.address("The%20first", &format!("&pin-source=file:{}", pin.display()));
    held.ok(&["seal", "keygen", "--party", "a", "--token", &address]);
    held.ok(&SIGN);
    fs::set_permissions(&pin, Permissions::from_mode(0o644)).unwrap();
    held.refused(&SIGN, "others may read or write");
    held.pin("pin", "1");
    held.refused(&SIGN, "is wrong");
}

#[test]
fn another_token_another_file_and_no_token_open_nothing() {
    let Some(held) = Held::new() else { return };
    let address = held.address("The%20first", "");
    let with = |args: &[&'static str]| [args, &["--passphrase-file", "pin"][..]].concat();
    held.ok(&["seal", "keygen", "--party", "a", "--token", &address, "--passphrase-file", "pin"]);
    let file = held.key_file();
    let sound = fs::read_to_string(&file).unwrap();
    // One byte of what the token sealed, at each of a few places: the nonce, what is sealed, the tag.
    let secrets = sound.find("\"secrets\": \"").unwrap() + "\"secrets\": \"".len();
    for at in [0, 23, 24, 100, 151, 152, 183] {
        let mut changed = sound.clone().into_bytes();
        changed[secrets + at] = if changed[secrets + at] == b'0' { b'1' } else { b'0' };
        fs::write(&file, changed).unwrap();
        held.refused(&with(&SIGN), "or they were changed");
    }
    // The same key by another spelling of its address: whoever may write the file must not send the PIN elsewhere.
    fs::write(&file, sound.replace("The%20first", "%54he%20first")).unwrap();
    held.refused(&with(&SIGN), "or they were changed");
    // A token of another name with a key of the same.
    held.hsm.token("second", PIN);
    held.ok(&[
        "seal",
        "keygen",
        "--party",
        "b",
        "--token",
        &held.address("second", ""),
        "--passphrase-file",
        "pin",
    ]);
    fs::write(&file, sound.replace("The%20first", "second")).unwrap();
    held.refused(&with(&SIGN), "or they were changed");
    fs::write(&file, sound.replace("The%20first", "third")).unwrap();
    held.refused(&with(&SIGN), "there is no token `third`");
    fs::write(&file, sound.replace("object=welkin", "object=other")).unwrap();
    held.refused(&with(&SIGN), "the token has no AES key `other` in the token `The first`");
    fs::write(&file, sound.replace("pkcs11:token", "token")).unwrap();
    held.refused(&with(&SIGN), "does not say where its token is");
    // Two of one name.
    held.hsm.token("The first", PIN);
    fs::write(&file, &sound).unwrap();
    held.refused(&with(&SIGN), "several tokens are called `The first`");
}

#[test]
fn what_is_no_module_is_not_one() {
    let Some(held) = Held::new() else { return };
    let text = held.bed.file("module.so", "text\n");
    for (path, word) in [("/no/such.so", "cannot be loaded"), (text.to_str().unwrap(), "cannot be loaded")] {
        let address = format!("pkcs11:token=t;object=k?module-path={path}");
        held.refused(
            &["seal", "keygen", "--party", "a", "--token", &address, "--passphrase-file", "pin"],
            word,
        );
    }
    assert!(!held.key_file().exists(), "keys that no token sealed");
    // A mistake in the address is one in the arguments.
    let output = held.run(&[
        "seal",
        "keygen",
        "--party",
        "a",
        "--token",
        "pkcs11:token=t",
        "--passphrase-file",
        "pin",
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
}
