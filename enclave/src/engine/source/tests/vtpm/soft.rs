//! swtpm, set up by tpm2-tools, and OpenSSL as another opinion.

use super::Tpm;
use crate::engine::source::vtpm::Wire;
use std::fs;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const INDEX: &str = "0x01400001";
const KEY: &str = "0x81000003";

/// One TPM, with a key at its place. It ends with this.
#[derive(Debug)]
pub(super) struct Soft {
    dir: TempDir,
}

impl Soft {
    /// `None` after the test's name and the reason were printed.
    pub(super) fn new(test: &str) -> Option<Self> {
        let is_there = |tool: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
        };
        let missing: Vec<&str> =
            ["swtpm", "tpm2_nvdefine", "openssl"].into_iter().filter(|tool| !is_there(tool)).collect();
        if !missing.is_empty() {
            let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
            assert!(!required, "missing: {}, and WELKIN_REQUIRE_STAND_INS is 1", missing.join(", "));
            let _ = writeln!(io::stdout(), "skipped: {test}: did not run: missing: {}", missing.join(", "));
            return None;
        }
        let soft = Self { dir: tempfile::tempdir().unwrap() };
        let (path, state) = (soft.file("tpm"), soft.dir.path().display());
        let server = format!("type=unixio,path={}", path.display());
        let control = format!("type=unixio,path={}.ctrl", path.display());
        // It is a daemon when it listens.
        soft.ran(
            "swtpm",
            &["socket", "--tpm2", "--daemon", "--pid", &format!("file={}", soft.file("pid").display())],
            &["--server", &server, "--ctrl", &control, "--tpmstate", &format!("dir={state}")],
            &["--flags", "not-need-init,startup-clear"],
        );
        let attributes = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign";
        let scheme = ["-G", "rsa2048:rsassa-sha256:null", "-a", attributes];
        soft.ran("tpm2_createprimary", &["-Q", "-C", "e", "-g", "sha256"], &scheme, &["-c", "key.ctx"]);
        soft.ran("tpm2_evictcontrol", &["-Q", "-C", "o", "-c", "key.ctx", KEY], &[], &[]);
        soft.ran("tpm2_readpublic", &["-Q", "-c", KEY, "-f", "pem", "-o", "key.pem"], &[], &[]);
        soft.ran("tpm2_pcrextend", &[&format!("4:sha256={}", "04".repeat(32))], &[], &[]);
        Some(soft)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a program in the TPM's folder, and gives back what it says.
    fn ran(&self, program: &str, first: &[&str], second: &[&str], third: &[&str]) -> Vec<u8> {
        let mut command = Command::new(program);
        command.args(first).args(second).args(third).current_dir(self.dir.path());
        command.env("TPM2TOOLS_TCTI", format!("swtpm:path={}", self.file("tpm").display()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Keeps this where a paravisor keeps what it says. This TPM's indices have 2 KiB.
    pub(super) fn keep(&self, envelope: &[u8]) {
        let mut bytes = envelope.to_vec();
        bytes.resize(2048, 0);
        fs::write(self.file("envelope"), bytes).unwrap();
        self.ran(
            "tpm2_nvdefine",
            &["-Q", INDEX, "-C", "o", "-s", "2048"],
            &["-a", "ownerread|ownerwrite"],
            &[],
        );
        self.ran("tpm2_nvwrite", &["-Q", INDEX, "-C", "o", "-i", "envelope"], &[], &[]);
    }

    /// Of the key, as texts spell it.
    pub(super) fn modulus(&self) -> String {
        let said = self.ran("openssl", &["rsa", "-pubin", "-in", "key.pem", "-modulus", "-noout"], &[], &[]);
        let said = String::from_utf8(said).unwrap();
        self.base64(&welkin_seal::from_hex(said.trim().strip_prefix("Modulus=").unwrap()).unwrap())
    }

    /// In the letters of URLs, with nothing to fill up the last four.
    pub(super) fn base64(&self, bytes: &[u8]) -> String {
        fs::write(self.file("bytes"), bytes).unwrap();
        let said = self.ran("openssl", &["base64", "-A", "-in", "bytes"], &[], &[]);
        let said = String::from_utf8(said).unwrap().replace('+', "-").replace('/', "_");
        said.trim_end_matches(['=', '\n']).to_owned()
    }

    pub(super) fn register(&self, number: u8) -> [u8; 32] {
        self.ran("tpm2_pcrread", &["-Q", &format!("sha256:{number}"), "-o", "register"], &[], &[]);
        fs::read(self.file("register")).unwrap().try_into().unwrap()
    }

    /// What OpenSSL says of it.
    pub(super) fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        fs::write(self.file("message"), message).unwrap();
        fs::write(self.file("signature"), signature).unwrap();
        let verify = ["dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "message"];
        self.ran("openssl", &verify, &[], &[]) == b"Verified OK\n"
    }
}

impl Tpm for Soft {
    fn open(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(UnixStream::connect(self.file("tpm"))?))
    }
}

impl Drop for Soft {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.file("pid")) {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}
