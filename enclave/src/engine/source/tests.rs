//! EMULATED guests: folders that behave as the kernel's do, with no hardware below them. Nothing here was run in a guest of SEV-SNP or
//! TDX.

mod gramine;
mod nitro;
mod vtpm;

use super::guest::{Folder, Guest};
use super::nitro::{Device, Nitro};
use super::vtpm::{Device as TpmDevice, Vtpm};
use super::{Devices, EngineError, Gramine, Source};
use crate::engine::Engine;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use welkin_seal::{Binding, Challenge, Evidence, Expected, Hex, Kind, Outcome, Policy};

/// What goes wrong, and how often.
#[derive(Debug, Default)]
struct Faults {
    /// Reads of `outblob` that find it busy.
    busy: u32,
    /// Reads of `outblob` after which somebody else has written.
    intruders: u32,
    /// Writes of `inblob` that the kernel drops when the file is closed.
    dropped: u32,
    /// What reads of `outblob` end with, as an error of the system.
    broken: Option<i32>,
    /// What making a question ends with.
    unmade: Option<i32>,
    waited: u32,
}

#[derive(Debug)]
struct Emulated {
    folder: Folder,
    dir: TempDir,
    provider: &'static str,
    floor: Option<&'static str>,
    table: Option<Vec<u8>>,
    /// What is reported, where the question is not put into it.
    report: Vec<u8>,
    /// Where the question goes.
    place: Option<usize>,
    faults: Mutex<Faults>,
}

const REPORT_DATA_OF_SNP: usize = 0x50;

impl Emulated {
    fn new(provider: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut report = vec![0; 0x4a0];
        report[0] = 2;
        Self {
            folder: Folder(dir.path().to_owned()),
            dir,
            provider,
            floor: Some("0"),
            table: Some(Vec::new()),
            report,
            place: Some(REPORT_DATA_OF_SNP),
            faults: Mutex::default(),
        }
    }

    fn with(self, faults: Faults) -> Arc<Self> {
        Arc::new(Self { faults: Mutex::new(faults), ..self })
    }

    fn put(&self, question: &str, attribute: &str, bytes: &[u8]) {
        fs::write(self.dir.path().join(question).join(attribute), bytes).unwrap();
    }

    fn advance(&self, question: &str) {
        let before = self.folder.read(question, "generation").unwrap();
        let before: u64 = String::from_utf8(before).unwrap().trim().parse().unwrap();
        self.put(question, "generation", format!("{}\n", before.wrapping_add(1)).as_bytes());
    }

    fn waited(&self) -> u32 {
        self.faults.lock().unwrap().waited
    }

    fn questions(&self) -> usize {
        fs::read_dir(self.dir.path()).unwrap().count()
    }
}

fn system(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

fn once_less(count: &mut u32) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

const EIO: i32 = 5;
const ENXIO: i32 = 6;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
const ETIMEDOUT: i32 = 110;

impl Guest for Arc<Emulated> {
    fn make(&self, question: &str) -> io::Result<()> {
        if let Some(number) = self.faults.lock().unwrap().unmade {
            return Err(system(number));
        }
        self.folder.make(question)?;
        self.put(question, "provider", format!("{}\n", self.provider).as_bytes());
        // The kernel counts on from where it is, and over the end.
        self.put(question, "generation", format!("{}\n", u64::MAX).as_bytes());
        self.put(question, "inblob", b"");
        if let Some(floor) = self.floor {
            self.put(question, "privlevel_floor", format!("{floor}\n").as_bytes());
            self.put(question, "privlevel", b"");
        }
        Ok(())
    }

    fn write(&self, question: &str, attribute: &str, bytes: &[u8]) -> io::Result<()> {
        self.folder.write(question, attribute, bytes)?;
        let mut faults = self.faults.lock().unwrap();
        if attribute == "inblob" && once_less(&mut faults.dropped) {
            return Ok(());
        }
        self.advance(question);
        if attribute == "inblob" {
            let mut report = self.report.clone();
            if let Some(at) = self.place {
                report[at..at + 64].copy_from_slice(bytes);
            }
            self.put(question, "outblob", &report);
            if let Some(table) = &self.table {
                self.put(question, "auxblob", table);
            }
        }
        Ok(())
    }

    fn read(&self, question: &str, attribute: &str) -> io::Result<Vec<u8>> {
        let mut faults = self.faults.lock().unwrap();
        if attribute == "outblob" {
            if let Some(number) = faults.broken {
                return Err(system(number));
            }
            if once_less(&mut faults.busy) {
                return Err(system(EBUSY));
            }
            if once_less(&mut faults.intruders) {
                self.advance(question);
            }
        }
        self.folder.read(question, attribute)
    }

    fn remove(&self, question: &str) -> io::Result<()> {
        // Its files go with it.
        fs::remove_dir_all(self.dir.path().join(question))
    }

    fn wait(&self) {
        self.faults.lock().unwrap().waited += 1;
    }
}

fn source(kinds: &[&str], guest: impl Guest + 'static) -> Source {
    Source {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        certificates: Vec::new(),
        folder: PathBuf::from("/nonexistent"),
        devices: Devices { guest: Box::new(guest), ..nowhere() },
    }
}

/// Nobody listens there.
const UNUSED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// More than any test takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A machine that has none of them.
fn nowhere() -> Devices {
    let path = PathBuf::from("/nonexistent");
    Devices {
        guest: Box::new(Folder(path.clone())),
        gramine: Gramine { files: path.clone(), patience: PATIENCE },
        nitro: Nitro { module: Arc::new(Device(path.clone())), patience: PATIENCE },
        vtpm: Vtpm {
            tpm: Arc::new(TpmDevice(path)),
            metadata: UNUSED,
            patience: PATIENCE,
            pause: Duration::ZERO,
        },
    }
}

fn asked(kinds: &[&str], guest: &Arc<Emulated>) -> Result<Evidence, String> {
    let answer = source(kinds, Arc::clone(guest)).evidence(Hex([7; 64]));
    assert_eq!(guest.questions(), 0, "a question was left behind");
    answer.map_err(|error| {
        assert_eq!(error.code(), "no-evidence");
        error.to_string()
    })
}

/// The folder of recorded evidence.
fn recordings(test: &str) -> Option<PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/stand-ins");
    let folder = std::env::var_os("WELKIN_STAND_INS").map_or(root, PathBuf::from).join("evidence");
    if !folder.exists() {
        let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
        assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", folder.display());
        let _ = writeln!(io::stdout(), "skipped: {test}: did not run: recorded evidence is not installed");
        return None;
    }
    Some(folder)
}

/// Recorded evidence of a Milan, with its certificates as a host's table has them.
fn recorded(test: &str) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let folder = recordings(test)?.join("sev-8.0.0/tests/certs_data");
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let mut evidence = Evidence::read(&read("report_milan.hex")).unwrap();
    evidence.add_certificates(&read("vcek_milan.der")).unwrap();
    evidence.add_certificates(&read("cert_chain_milan")).unwrap();
    Some((evidence.body, evidence.certificates))
}

fn table(certificates: &[Vec<u8>]) -> Vec<u8> {
    let vcek =
        [0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd];
    let mut at = 24 * (certificates.len() + 1);
    let (mut entries, mut bodies) = (Vec::new(), Vec::new());
    for certificate in certificates {
        entries.extend(vcek);
        entries.extend(u32::try_from(at).unwrap().to_le_bytes());
        entries.extend(u32::try_from(certificate.len()).unwrap().to_le_bytes());
        bodies.extend(certificate);
        at += certificate.len();
    }
    [entries, vec![0; 24], bodies].concat()
}

#[test]
fn an_engine_gives_a_report_that_is_bound_to_its_keys_and_the_contract() {
    let guest = Emulated { table: Some(table(&[vec![0x30, 0]])), ..Emulated::new("sev_guest") };
    let mut engine = Engine::new(source(&["tdx", "sev-snp"], guest.with(Faults::default()))).unwrap();
    for nonce in [1, 2] {
        let challenge = Challenge { nonce: Hex([nonce; 32]), contract: Hex([9; 32]) };
        let attested = engine.attest(challenge).unwrap();
        let expected = Binding::to(&attested.engine, challenge).report_data();
        assert_eq!(attested.evidence.kind, Kind::SevSnp);
        assert_eq!(attested.evidence.body[REPORT_DATA_OF_SNP..][..64], expected.0);
        assert_eq!(attested.evidence.certificates, [vec![0x30, 0]]);
    }
}

#[test]
fn recorded_evidence_is_genuine_and_answers_no_question_of_today() {
    let test = "recorded_evidence_is_genuine_and_answers_no_question_of_today";
    let Some((report, certificates)) = recorded(test) else { return };
    let table = Some(table(&certificates));
    let guest = Emulated { report, table, place: None, ..Emulated::new("sev_guest") };
    let mut engine = Engine::new(source(&["sev-snp"], guest.with(Faults::default()))).unwrap();
    let challenge = Challenge { nonce: Hex([1; 32]), contract: Hex([9; 32]) };
    let attested = engine.attest(challenge).unwrap();
    let claims = attested.evidence.verify(1_700_000_000).unwrap();
    let measured = &claims.measurements["measurement"];
    let policy =
        format!("schema = 'welkin.policy/1'\n[sev-snp]\nmeasurements.measurement = ['{measured:?}']\n");
    let expected = Expected::Binding(Binding::to(&attested.engine, challenge));
    let verdict = Policy::read(&policy).unwrap().judge(&claims, &expected);
    let refused = verdict.checks.iter().filter(|check| check.outcome == Outcome::Refused);
    assert_eq!(refused.map(|check| check.rule.as_str()).collect::<Vec<_>>(), ["freshness"]);
}

#[test]
fn what_the_host_does_not_give_comes_from_files() {
    let test = "what_the_host_does_not_give_comes_from_files";
    let Some((report, certificates)) = recorded(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    for (number, certificate) in certificates.iter().enumerate() {
        fs::write(dir.path().join(format!("{number}.der")), certificate).unwrap();
    }
    fs::write(dir.path().join("collateral.json"), "{}").unwrap();
    fs::create_dir(dir.path().join("old")).unwrap();
    // The host has the chip's key alone.
    let host = table(&certificates[..1]);
    let guest = Emulated { report, table: Some(host), place: None, ..Emulated::new("sev_guest") };
    let guest = guest.with(Faults::default());
    let of = |certificates: Vec<PathBuf>, folder: PathBuf| {
        Source { certificates, folder, ..source(&["sev-snp"], Arc::clone(&guest)) }.evidence(Hex([7; 64]))
    };
    let evidence = of(Vec::new(), dir.path().to_owned()).unwrap();
    assert_eq!(evidence.certificates, certificates, "each once");
    evidence.verify(1_700_000_000).unwrap();
    let named = |name: &str| of(vec![dir.path().join(name)], dir.path().to_owned());
    assert_eq!(
        named("1.der").unwrap().certificates,
        certificates[..2],
        "those that are named, and no others"
    );
    for (name, words) in
        [("collateral.json", "it takes certificates"), ("gone.pem", "gone.pem"), ("old", "old")]
    {
        let why = named(name).unwrap_err().to_string();
        assert!(why.contains(words), "{why}");
    }
    let nothing = of(Vec::new(), dir.path().join("nowhere")).unwrap();
    assert_eq!(nothing.certificates, certificates[..1]);
}

#[test]
fn a_quote_takes_collateral_and_no_certificates() {
    let mut quote = vec![0; 700];
    quote[..8].copy_from_slice(&[4, 0, 2, 0, 0x81, 0, 0, 0]);
    let tdx = Emulated { floor: None, table: None, report: quote, ..Emulated::new("tdx_guest") };
    let guest = tdx.with(Faults::default());
    assert_eq!(asked(&["sev-snp", "tdx"], &guest).unwrap().kind, Kind::Tdx);
    let dir = tempfile::tempdir().unwrap();
    let json = r#"{"root_ca_crl":"","pck_crl":"","tcb_info_issuer_chain":"","tcb_info":"","tcb_info_signature":"","qe_identity_issuer_chain":"","qe_identity":"","qe_identity_signature":""}"#;
    fs::write(dir.path().join("collateral.json"), json).unwrap();
    fs::write(dir.path().join("chain.pem"), "of another machine").unwrap();
    let source = Source { folder: dir.path().to_owned(), ..source(&["tdx"], Arc::clone(&guest)) };
    let evidence = source.evidence(Hex([7; 64])).unwrap();
    assert!(evidence.collateral.is_some() && evidence.certificates.is_empty());
}

#[test]
fn a_report_that_somebody_disturbed_is_asked_for_again() {
    let of = |faults| Emulated::new("sev_guest").with(faults);
    for faults in [
        Faults { busy: 3, ..Faults::default() },
        Faults { intruders: 3, ..Faults::default() },
        Faults { dropped: 3, ..Faults::default() },
        Faults { busy: 1, intruders: 1, dropped: 1, ..Faults::default() },
    ] {
        let guest = of(faults);
        let evidence = asked(&["sev-snp"], &guest).unwrap();
        assert_eq!((&evidence.body[REPORT_DATA_OF_SNP..][..64], guest.waited()), (&[7; 64][..], 3));
    }
    for (faults, words) in [
        (Faults { busy: u32::MAX, ..Faults::default() }, "outblob says"),
        (Faults { intruders: u32::MAX, ..Faults::default() }, "not as it wrote it"),
        (Faults { dropped: u32::MAX, ..Faults::default() }, "not as it wrote it"),
    ] {
        let guest = of(faults);
        let why = asked(&["sev-snp"], &guest).unwrap_err();
        assert!(why.contains(words) && why.contains("20 times in a row"), "{why}");
        assert_eq!(guest.waited(), 19);
    }
}

#[test]
fn what_will_not_change_is_not_asked_for_again() {
    for (broken, words) in [
        (EACCES, "root alone"),
        (EIO, "outblob says"),
        (EINVAL, "outblob says"),
        (ETIMEDOUT, "did not answer in time"),
    ] {
        let guest = Emulated::new("sev_guest").with(Faults { broken: Some(broken), ..Faults::default() });
        let why = asked(&["sev-snp"], &guest).unwrap_err();
        assert!(why.contains(words) && guest.waited() == 0, "{why}");
    }
    for (unmade, words) in [(EACCES, "root alone"), (ENXIO, "load the module sev-guest or tdx-guest")] {
        let guest = Emulated::new("sev_guest").with(Faults { unmade: Some(unmade), ..Faults::default() });
        let why = asked(&["sev-snp"], &guest).unwrap_err();
        assert!(why.contains(words) && guest.waited() == 0, "{why}");
    }
    let short = Emulated { report: vec![2; 200], ..Emulated::new("sev_guest") };
    let why = asked(&["sev-snp"], &short.with(Faults::default())).unwrap_err();
    assert!(why.contains("no evidence of sev-snp") && why.contains("200 bytes"), "{why}");
    let table = Some(vec![1; 30]);
    let why = asked(&["sev-snp"], &Emulated { table, ..Emulated::new("sev_guest") }.with(Faults::default()));
    assert!(why.unwrap_err().contains("table of certificates"));
}

#[test]
fn hardware_of_another_kind_is_told_by_its_name_and_nothing_is_simulated() {
    let of = |kinds: &[&str], provider| {
        asked(kinds, &Emulated::new(provider).with(Faults::default())).unwrap_err()
    };
    let why = of(&["tdx"], "sev_guest");
    assert!(why.contains("asked for was tdx, and this is a guest of sev-snp"), "{why}");
    let why = of(&["sev-snp", "tdx"], "arm-cca-guest");
    assert!(why.contains("sev-snp or tdx") && why.contains("`arm-cca-guest`"), "{why}");
    let nowhere = source(&["sev-snp"], Folder(PathBuf::from("/nonexistent"))).evidence(Hex([7; 64]));
    let why = nowhere.unwrap_err().to_string();
    assert!(why.contains("sev-guest or tdx-guest") && why.contains("CONFIG_TSM_REPORTS"), "{why}");
    // Both are refused even on a machine that could.
    assert!(of(&["sev-snp", "simulated"], "sev_guest").contains("simulated"));
    assert!(of(&[], "sev_guest").contains("nobody said which"));
}

#[test]
fn simulated_evidence_is_given_where_it_was_named_alone_and_the_build_has_it() {
    let guest = Emulated::new("sev_guest").with(Faults::default());
    let answer = asked(&["simulated"], &guest);
    assert_eq!(answer.is_ok(), cfg!(feature = "simulated"));
    match answer {
        Ok(evidence) => assert_eq!(evidence.kind.name(), "simulated"),
        Err(why) => assert!(
            why.contains("gives none of `simulated`; it gives ") && !why.ends_with("simulated"),
            "{why}"
        ),
    }
}

#[test]
fn a_guest_below_a_service_module_speaks_for_its_own_level() {
    let guest = Emulated { floor: Some("2"), ..Emulated::new("sev_guest") };
    // What was written is looked at before the question goes: an emulated kernel keeps it in its file.
    let kept = Arc::new(Mutex::new(None));
    let watched = Watched { guest: guest.with(Faults::default()), kept: Arc::clone(&kept) };
    source(&["sev-snp"], watched).evidence(Hex([7; 64])).unwrap();
    assert_eq!(kept.lock().unwrap().as_deref(), Some(&b"2"[..]));
}

/// Keeps the level that was asked for.
#[derive(Debug)]
struct Watched {
    guest: Arc<Emulated>,
    kept: Arc<Mutex<Option<Vec<u8>>>>,
}

impl Guest for Watched {
    fn make(&self, question: &str) -> io::Result<()> {
        self.guest.make(question)
    }

    fn write(&self, question: &str, attribute: &str, bytes: &[u8]) -> io::Result<()> {
        if attribute == "privlevel" {
            *self.kept.lock().unwrap() = Some(bytes.to_vec());
        }
        self.guest.write(question, attribute, bytes)
    }

    fn read(&self, question: &str, attribute: &str) -> io::Result<Vec<u8>> {
        self.guest.read(question, attribute)
    }

    fn remove(&self, question: &str) -> io::Result<()> {
        self.guest.remove(question)
    }

    fn wait(&self) {
        self.guest.wait();
    }
}

/// The kernel gives what a page has; a pipe gives what was written at once.
#[cfg(target_os = "linux")]
#[test]
fn a_report_is_read_to_its_end_in_however_many_pieces() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let dir = tempfile::tempdir().unwrap();
    let folder = Folder(dir.path().to_owned());
    folder.make("question").unwrap();
    let path = dir.path().join("question/outblob");
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    let writer = std::thread::spawn(move || {
        let mut pipe = fs::OpenOptions::new().write(true).open(path).unwrap();
        for piece in [1, 4096, 3, 1184] {
            pipe.write_all(&vec![7; piece]).unwrap();
        }
    });
    assert_eq!(folder.read("question", "outblob").unwrap(), vec![7; 1 + 4096 + 3 + 1184]);
    writer.join().unwrap();
    let long = dir.path().join("question/auxblob");
    fs::write(&long, vec![0; (1 << 20) + 1]).unwrap();
    assert_eq!(folder.read("question", "auxblob").unwrap_err().kind(), ErrorKind::FileTooLarge);
    // Nothing is made where the kernel has nothing.
    assert_eq!(folder.write("question", "inblob", &[1]).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn engines_that_ask_at_once_get_an_answer_each() {
    let guest = Emulated::new("sev_guest").with(Faults { busy: 5, intruders: 5, ..Faults::default() });
    std::thread::scope(|scope| {
        for byte in 0..8 {
            let source = source(&["sev-snp"], Arc::clone(&guest));
            scope.spawn(move || {
                let evidence: Result<Evidence, EngineError> = source.evidence(Hex([byte; 64]));
                assert_eq!(evidence.unwrap().body[REPORT_DATA_OF_SNP..][..64], [byte; 64]);
            });
        }
    });
    assert_eq!(guest.questions(), 0);
}
