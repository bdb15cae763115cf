//! Three parties and a coordinator on machines of their own: one model federated, and the same one sealed, while everything that
//! goes over their networks is written down.
//!
//! Needs root for namespaces, `ip` and `tcpdump`, and a built `welkin-enclave`; XGBoost predicts as well where it is installed.

#![expect(clippy::print_stdout, reason = "a test that did not run says so")]

mod capture;
mod plain;

use crate::bed::{Bed, both};
use crate::seal::engine;
use capture::Capture;
use plain::Answers;
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use welkin_testkit::net::{Bed as Network, Link, Node};

const PARTIES: [&str; 3] = ["a", "b", "c"];

/// The only port of the coordinator's own network, besides that of the control.
const PORT: u16 = 7600;

const ROUNDS: u32 = 4;

/// As options of the federated training, and as the recipe of the sealed one.
const SETTINGS: [(&str, &str); 3] = [("objective", "binary:logistic"), ("max_depth", "3"), ("max_bin", "32")];
const RECIPE: &str = r#"{"label": "y", "features": ["p", "q", "r"], "categories": ["r"], "rounds": 4,
    "params": {"objective": "binary:logistic", "max_depth": 3, "max_bin": 32}}"#;

/// The rows of one party, or of all.
fn table(party: Option<usize>) -> String {
    let line = |row: usize| {
        let (p, q, r) = (row * 37 % 1009, row * 53 % 997, row * 7 % 5);
        let q = if row.is_multiple_of(9) { String::new() } else { format!("{q}.5") };
        format!("{p},{q},{r},{}\n", usize::from((p * 3 + row * 53 % 997 + r * 200) % 3110 > 1500))
    };
    let rows: String = (0..1200).filter(|row| party.is_none_or(|own| row % 7 % 3 == own)).map(line).collect();
    format!("p,q,r,y\n{rows}")
}

/// A machine: a network, a home, and a disk.
struct Machine {
    bed: Bed,
    node: Node,
    path: String,
}

impl Machine {
    fn new(network: &Network, name: &str, programs: &Path) -> Self {
        let own = Path::new(env!("CARGO_BIN_EXE_welkin")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{}:{path}", own.display(), programs.display());
        Self { bed: Bed::new(), node: network.node(name).unwrap(), path }
    }

    fn command(&self, args: &[&str]) -> Command {
        let inside = ["netns", "exec", self.node.namespace(), env!("CARGO_BIN_EXE_welkin")];
        let mut command = self.bed.command_of("ip", inside.iter().chain(args));
        command.env("PATH", &self.path);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.bed.path().join(name)).unwrap()
    }

    fn at(&self, name: &str) -> String {
        self.bed.path().join(name).display().to_string()
    }
}

struct Scene {
    coordinator: Machine,
    parties: Vec<Machine>,
    /// Cables of the parties to the coordinator.
    links: Vec<Link>,
    /// What goes over each machine's network: the coordinator's first.
    captures: Vec<Capture>,
    // The namespaces go last.
    _network: Network,
}

impl Scene {
    /// All of it, or a line that says what is missing.
    fn new(test: &str) -> Option<Self> {
        let skipped = |why: &dyn std::fmt::Display| println!("skipped: {test}: {why}");
        let network = Network::try_new().inspect_err(|why| skipped(why)).ok()?;
        if Command::new("tcpdump").arg("--version").output().is_err() {
            skipped(&"did not run: `tcpdump` is not installed");
            return None;
        }
        let programs = engine(test)?;
        let coordinator = Machine::new(&network, "host", &programs);
        let parties: Vec<Machine> =
            PARTIES.iter().map(|name| Machine::new(&network, name, &programs)).collect();
        let links =
            parties.iter().map(|party| network.link(&coordinator.node, &party.node, None).unwrap()).collect();
        let machines = || std::iter::once(&coordinator).chain(&parties);
        let captures =
            machines().map(|one| Capture::start(&one.node, one.bed.path().join("all.pcap"))).collect();
        for (own, party) in (0..).zip(&parties) {
            party.bed.file("own.csv", &table(Some(own)));
        }
        Some(Self { coordinator, parties, links, captures, _network: network })
    }

    /// The address at which a party reaches the coordinator.
    fn address(&self, party: usize) -> IpAddr {
        self.links[party].address(&self.coordinator.node)
    }

    fn federate(&self) {
        let machines = || self.parties.iter().zip(PARTIES).chain([(&self.coordinator, "coordinator")]);
        let lines: String = machines()
            .map(|(one, name)| format!("{name} {}", one.ok(&["boost", "federate", "--fingerprint"])))
            .collect();
        machines().for_each(|(one, _)| drop(one.bed.file("parties.txt", &lines)));
        let (listen, rounds) = (format!("0.0.0.0:{PORT}"), ROUNDS.to_string());
        let settings: Vec<String> = SETTINGS.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let common = ["boost", "federate", "--parties", "parties.txt", "--model", "federated.json"];
        let mut args = [&common[..], &["--coordinator", "--listen", &listen, "--rounds", &rounds]].concat();
        settings.iter().for_each(|setting| args.extend(["--set", setting]));
        let mut children = vec![self.coordinator.command(&args).spawn().unwrap()];
        for (at, party) in self.parties.iter().enumerate() {
            let address = format!("{}:{PORT}", self.address(at));
            let own = ["--party", PARTIES[at], "--data", "own.csv", "--label", "y", "--categories", "r"];
            let args = [&common[..], &own, &["--coordinator", &address]].concat();
            children.push(party.command(&args).spawn().unwrap());
        }
        let outputs: Vec<Output> =
            children.into_iter().map(Child::wait_with_output).map(Result::unwrap).collect();
        outputs.iter().for_each(|output| assert!(output.status.success(), "{}", both(output)));
    }

    /// The same rows, sealed, and trained in an engine of the coordinator's machine.
    fn seal(&self) {
        let engine = self.coordinator.ok(&["sql", "engine"]);
        let engine = engine.trim();
        let measurement = engine.rsplit('=').next().unwrap();
        let policy = format!(
            "schema = 'welkin.policy/1'\n[simulated]\nallow-debug = true\nmeasurements.measurement = ['{measurement}']\n"
        );
        for (party, name) in self.parties.iter().zip(PARTIES) {
            party.ok(&["seal", "keygen", "--party", name]);
            let shown = party.ok(&["seal", "party", "show", name]);
            for other in &self.parties {
                other.bed.file(&format!("{name}.json"), &shown);
            }
            party.bed.file(&format!("h/seal/policies/{name}.toml"), &policy);
        }
        let mut new = ["seal", "contract", "new", "--boost", "recipe.json"].map(String::from).to_vec();
        let mut train = ["boost", "train", "contract.json", "--recipe", "recipe.json", "--to", "result"]
            .map(String::from)
            .to_vec();
        for (party, name) in self.parties.iter().zip(PARTIES) {
            for other in PARTIES.iter().filter(|other| **other != name) {
                party.ok(&["seal", "party", "add", &format!("{other}.json")]);
            }
            let about = ["--party", name, "--name", "rows", "--version", "1", "--to", "sealed"];
            party.ok(&[&["seal", "data", "own.csv"], &about[..]].concat());
            let (sealed, home) = (party.at("sealed"), party.bed.home());
            new.extend(["--input".to_owned(), format!("{sealed}/snapshot.json")]);
            // On real machines it begins with ssh.
            let release = format!(
                "{name}=WELKIN_HOME='{}' ip netns exec {} '{}' seal release --party {name} --input '{sealed}'",
                home.display(),
                party.node.namespace(),
                env!("CARGO_BIN_EXE_welkin"),
            );
            train.extend(["--input".to_owned(), sealed, "--ask".to_owned(), release]);
        }
        new.extend(["--to", "a", "--engine", engine].map(String::from));
        self.parties[0].bed.file("recipe.json", RECIPE);
        self.coordinator.bed.file("recipe.json", RECIPE);
        let contract = self.parties[0].ok(&words(&new));
        let path = self.coordinator.bed.file("contract.json", &contract).display().to_string();
        for (party, name) in self.parties.iter().zip(PARTIES) {
            party.ok(&["seal", "contract", "sign", &path, "--party", name]);
        }
        self.coordinator.ok(&words(&train));
        let result = self.coordinator.at("result");
        self.parties[0].ok(&["seal", "open", &result, "--party", "a", "--to", "sealed.json"]);
    }

    /// Sends what a party answered over the same cable without any protection, and says on which port.
    fn control(&self, party: usize, answers: &[u8]) -> u16 {
        let address = self.address(party);
        let listening = move || TcpListener::bind((address, 0)).unwrap();
        let listener = self.coordinator.node.thread(listening).unwrap().join().unwrap();
        let port = listener.local_addr().unwrap().port();
        let hears = std::thread::spawn(move || {
            let mut heard = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut heard).unwrap();
            heard
        });
        let said = answers.to_vec();
        let says = move || {
            let mut stream = TcpStream::connect((address, port)).unwrap();
            stream.write_all(&said).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        };
        self.parties[party].node.thread(says).unwrap().join().unwrap();
        assert!(hears.join().unwrap() == answers);
        port
    }
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// Where XGBoost is installed, if it is.
pub(crate) fn xgboost() -> Option<PathBuf> {
    let stand_ins = std::env::var_os("WELKIN_STAND_INS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/stand-ins"), PathBuf::from);
    let python = stand_ins.join("xgboost/bin/python3");
    let required = std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_some();
    assert!(python.exists() || !required, "{} is not there", python.display());
    python.exists().then_some(python)
}

const PREDICTS: &str = r#"
import csv, math, xgboost
model = xgboost.Booster(model_file="federated.json")
rows = list(csv.DictReader(open("all.csv")))
cells = [[float(row[name]) if row[name] else math.nan for name in "pqr"] for row in rows]
table = xgboost.DMatrix(cells, feature_names=list("pqr"), feature_types=["q", "q", "c"], enable_categorical=True)
ours = [float(row["prediction"]) for row in csv.DictReader(open("predictions.csv"))]
worst = max(abs(one - float(other)) for one, other in zip(ours, model.predict(table), strict=True))
assert worst <= 1e-6, worst
print(len(ours), "rows")
"#;

#[test]
fn three_machines_train_federated_and_sealed_one_file_and_no_packet_holds_a_histogram_of_one_party() {
    let test =
        "three_machines_train_federated_and_sealed_one_file_and_no_packet_holds_a_histogram_of_one_party";
    let Some(scene) = Scene::new(test) else { return };
    scene.federate();
    scene.seal();
    let model = scene.coordinator.read("federated.json");
    assert!(scene.parties[0].read("sealed.json") == model, "sealed and federated are one file");
    scene.parties.iter().for_each(|party| assert!(party.read("federated.json") == model));

    let tables: Vec<String> = (0..PARTIES.len()).map(|own| table(Some(own))).collect();
    let answers = Answers::of(&tables, &SETTINGS, ROUNDS);
    assert!(answers.model == model, "what parties would have said without masks leads to the same model");
    let controls: Vec<u16> = (0..).zip(&answers.of).map(|(party, said)| scene.control(party, said)).collect();
    let mut training = 0;
    for (machine, capture) in scene.captures.iter().enumerate() {
        let own = |party: &usize| machine == 0 || machine == party + 1;
        let seen: Vec<usize> = (0..PARTIES.len()).filter(own).collect();
        // Whatever was sent before a control was written down before it.
        let streams = capture.until(|streams| {
            seen.iter().all(|party| {
                let control = |stream: &&capture::Stream| stream.to == controls[*party];
                streams.iter().find(control).is_some_and(|stream| stream.bytes == answers.of[*party])
            })
        });
        for stream in streams {
            let found = answers.bins.found(&stream.bytes);
            if controls.contains(&stream.to) {
                assert!(found > 200, "unprotected, it is found: {found}");
                continue;
            }
            training += usize::from(stream.to == PORT) * stream.bytes.len();
            assert_eq!(found, 0, "{} bytes to port {}", stream.bytes.len(), stream.to);
        }
    }
    // Each party's cable was listened to at both ends.
    let said: usize = answers.of.iter().map(Vec::len).sum();
    assert!(training > 2 * said, "{training} bytes were sent to the coordinator, who was told {said}");

    let Some(python) = xgboost() else {
        println!("skipped: {test}: XGBoost is not installed, and was not asked");
        return;
    };
    let host = &scene.coordinator;
    host.bed.file("all.csv", &table(None));
    let predictions = host.ok(&["boost", "predict", "federated.json", "all.csv"]);
    host.bed.file("predictions.csv", &predictions);
    let told = host.bed.command_of(python.to_str().unwrap(), ["-c", PREDICTS]).output().unwrap();
    assert!(String::from_utf8_lossy(&told.stdout).contains("1200 rows"), "{}", both(&told));
}
