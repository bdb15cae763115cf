//! `welkin boost federate` from outside: processes that are killed and started again.
//!
//! `WELKIN_SOAK_ROUNDS=200 cargo test -p welkin boost_parties` kills in two hundred trainings, up to five times each;
//! `WELKIN_KILL_SEED` repeats what failed.

use crate::bed::{Bed, both};
use crate::kill::{Dice, number};
use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const PARTIES: [&str; 3] = ["a", "b", "c"];

/// Trainings of an ordinary test run, and kills of each.
const ROUNDS: u64 = 2;
const KILLS: u64 = 5;

/// Longest time before a kill: a training takes about as long undisturbed.
const WITHIN_MS: u64 = 700;

const ROWS: usize = 600;

/// A table of these rows.
fn table(own: impl Fn(usize) -> bool) -> String {
    let line = |row: usize| {
        let (a, b, c) = (row * 37 % 101, row * 53 % 997, row * 7 % 5);
        let b = if row.is_multiple_of(9) { String::new() } else { format!("{b}.5") };
        format!("{a},{b},{c},{},{}", usize::from((a * 3 + row * 53 % 997 / 4 + c * 20) % 311 > 150), who(row))
    };
    let lines: Vec<String> = (0..ROWS).filter(|row| own(*row)).map(line).collect();
    format!("a,b,c,y,who\n{}\n", lines.join("\n"))
}

/// What is known of a row by nobody but its party: it decides of what is sampled, and is in no sum.
fn who(row: usize) -> u64 {
    7_340_033_000_000 + row as u64 * 104_729
}

/// How many rows these bytes tell of, as text or as a number.
fn told_of(bytes: &[u8]) -> usize {
    let texts: HashSet<String> = (0..ROWS).map(|row| who(row).to_string()).collect();
    let numbers: HashSet<[u8; 8]> = (0..ROWS)
        .map(who)
        .flat_map(|who| [who.to_le_bytes(), who.to_be_bytes(), (who as f64).to_le_bytes()])
        .collect();
    let text = |window: &&[u8]| std::str::from_utf8(window).is_ok_and(|text| texts.contains(text));
    let number = |window: &&[u8]| numbers.contains(*window);
    bytes.windows(13).filter(text).count() + bytes.windows(8).filter(number).count()
}

/// Files of the folder that a training has made so far: models, what the coordinator keeps and what parties have noted, which tell of no
/// row, and the latter are nobody else's to read.
fn assert_nothing_leaked(bed: &Bed, round: &str) {
    for entry in fs::read_dir(bed.path()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let given = ["csv", "key", "txt"].iter().any(|ending| name.ends_with(ending));
        if given || !entry.file_type().unwrap().is_file() {
            continue;
        }
        let made = [".json", ".json.draft", ".federated"].iter().any(|ending| name.ends_with(ending));
        assert!(made, "{round}: {name}");
        // Renamed or removed meanwhile, it is no more to be read.
        let Ok(bytes) = fs::read(entry.path()) else { continue };
        assert_eq!(told_of(&bytes), 0, "{round}: {name}");
        if let (true, Ok(about)) = (name.ends_with(".federated"), entry.metadata()) {
            assert_eq!(about.permissions().mode() & 0o777, 0o600, "{round}: {name}");
        }
    }
}

/// Rows, identities and the file of parties; and the model of all rows.
fn bed() -> Bed {
    bed_of(ROUNDS_OF)
}

fn bed_of(rounds: &str) -> Bed {
    let bed = Bed::new();
    bed.file("all.csv", &table(|_| true));
    let mut lines = String::new();
    for (place, name) in PARTIES.iter().chain(&["coordinator"]).enumerate() {
        if place < PARTIES.len() {
            bed.file(&format!("{name}.csv"), &table(|row| row % 7 % 3 == place));
        }
        let told = bed.ok(["boost", "federate", "--fingerprint", "--identity", &format!("{name}.key")]);
        lines += &format!("{name} {told}");
    }
    bed.file("parties.txt", &lines);
    let train =
        ["boost", "train", "--data", "all.csv", "--label", "y", "--model", "one.json", "--rounds", rounds];
    bed.ok(train.iter().chain(&COLUMNS).chain(&SETTINGS).copied());
    bed
}

const COLUMNS: [&str; 4] = ["--categories", "c", "--id", "who"];

const SETTINGS: [&str; 6] =
    ["--set", "objective=binary:logistic", "--set", "max_bin=64", "--set", "subsample=0.8"];

/// Rounds of most trainings.
const ROUNDS_OF: &str = "12";

/// An address that nobody has.
fn address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn start(bed: &Bed, name: &str, address: &str) -> Child {
    start_in(bed, "", name, address, ROUNDS_OF)
}

/// With the file of parties that lies in the coordinator's folder.
fn start_in(bed: &Bed, folder: &str, name: &str, address: &str, rounds: &str) -> Child {
    let place = if name == "coordinator" { folder } else { "" };
    let (key, parties) = (format!("{place}{name}.key"), format!("{folder}parties.txt"));
    let mut args = vec!["boost", "federate", "--parties", &parties, "--identity", &key, "--wait", "120"];
    let (data, model) = (format!("{name}.csv"), format!("{place}{name}.json"));
    args.extend(["--model", &model]);
    if name == "coordinator" {
        args.extend(["-v", "--coordinator", "--listen", address, "--rounds", rounds]);
        args.extend(SETTINGS);
    } else {
        args.extend(["--party", name, "--data", &data, "--label", "y", "--coordinator", address]);
        args.extend(COLUMNS);
    }
    bed.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    output
}

fn assert_models(bed: &Bed) {
    let one = fs::read(bed.path().join("one.json")).unwrap();
    for name in PARTIES.iter().chain(&["coordinator"]) {
        assert!(fs::read(bed.path().join(format!("{name}.json"))).unwrap() == one, "{name}");
    }
    let left: Vec<String> = fs::read_dir(bed.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("federated") || name.ends_with(".draft") || name.contains("tmp"))
        .collect();
    assert_eq!(left, [""; 0], "a training that is over leaves its model and nothing else");
}

#[test]
fn three_parties_train_the_file_of_one() {
    let bed = bed();
    let address = address();
    let children: Vec<Child> =
        PARTIES.iter().chain(&["coordinator"]).map(|name| start(&bed, name, &address)).collect();
    let outputs: Vec<Output> = children.into_iter().map(end).collect();
    assert_models(&bed);
    let told = String::from_utf8_lossy(&outputs[3].stdout).into_owned();
    assert!(told.ends_with("coordinator.json: 12 rounds, 12 trees\n"), "{told}");
    assert!(told.starts_with(&format!("listening on {address} for a, b, c\n")), "{told}");
    let told = String::from_utf8_lossy(&outputs[0].stdout).into_owned();
    assert!(told.starts_with("a.json: 12 rounds, with "), "{told}");
    // As one that was killed after it had the model.
    let mut again =
        vec!["boost", "federate", "--parties", "parties.txt", "--identity", "a.key", "--wait", "1"];
    again.extend(["--party", "a", "--data", "a.csv", "--label", "y", "--coordinator", &address]);
    let late = |model: &str| both(&bed.run(again.iter().chain(&COLUMNS).chain(&["--model", model])));
    assert!(
        late("a.json").contains("a.json is there: if this party was ended just after the model had come")
    );
    assert!(!late("other.json").contains("is there"));
}

#[test]
fn whoever_is_killed_and_started_again_the_file_is_the_same_and_nothing_leaked() {
    let seed = number("WELKIN_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1);
    let mut kills = [0; PARTIES.len() + 1];
    for round in 0..number("WELKIN_SOAK_ROUNDS").unwrap_or(ROUNDS) {
        let seed = seed.wrapping_add(round * 2);
        hunt(&mut Dice(seed | 1), &format!("round {round}: WELKIN_KILL_SEED={seed}"), &mut kills);
    }
    println!("killed {} times: {kills:?} of a, b, c and the coordinator", kills.iter().sum::<u32>());
    assert!(told_of(table(|_| true).as_bytes()) == ROWS, "rows are found where they are");
}

fn hunt(dice: &mut Dice, round: &str, kills: &mut [u32]) {
    let bed = bed();
    let address = address();
    let names: Vec<&str> = PARTIES.iter().chain(&["coordinator"]).copied().collect();
    let mut children: Vec<Child> = names.iter().map(|name| start(&bed, name, &address)).collect();
    let mut said = Vec::new();
    // Nobody ever sends: it is a clock that no test has to wait for in vain.
    let (_sender, clock) = mpsc::channel::<()>();
    for _ in 0..KILLS {
        let _ = clock.recv_timeout(Duration::from_millis(dice.below(WITHIN_MS)));
        let victim = usize::try_from(dice.below(names.len() as u64)).unwrap();
        // One that has its model is not started again: nobody would be there any more.
        if children.iter_mut().any(|child| child.try_wait().unwrap().is_some()) {
            break;
        }
        let mut killed = children.remove(victim);
        killed.kill().unwrap();
        said.push(killed.wait_with_output().unwrap());
        kills[victim] += 1;
        assert_nothing_leaked(&bed, round);
        children.insert(victim, start(&bed, names[victim], &address));
    }
    for (name, child) in names.iter().zip(children) {
        let output = child.wait_with_output().unwrap();
        // One that was killed when it had the model and had said so is waited for by nobody, and says that the model is there.
        let done = both(&output).contains(&format!("{name}.json is there"));
        assert!(output.status.success() || done, "{round}: {}", both(&output));
        said.push(output);
    }
    assert_models(&bed);
    assert_nothing_leaked(&bed, round);
    for output in said {
        assert_eq!(told_of(&output.stdout) + told_of(&output.stderr), 0, "{round}: {}", both(&output));
    }
}

/// A folder for a coordinator, with its key and a file of parties that names it.
fn machine(bed: &Bed, name: &str) {
    fs::create_dir(bed.path().join(name)).unwrap();
    let told =
        bed.ok(["boost", "federate", "--fingerprint", "--identity", &format!("{name}coordinator.key")]);
    let parties = fs::read_to_string(bed.path().join("parties.txt")).unwrap();
    let others = parties.lines().filter(|line| !line.starts_with("coordinator ")).collect::<Vec<_>>();
    bed.file(&format!("{name}parties.txt"), &format!("{}\ncoordinator {told}", others.join("\n")));
}

/// Whoever comes after a coordinator that is gone with its folder: with another key, at another address.
#[test]
fn a_coordinator_that_is_killed_and_whose_folder_is_gone_is_replaced_by_one_elsewhere() {
    const MANY: &str = "400";
    let bed = bed_of(MANY);
    let rounds_of = |line: &str| -> Option<usize> {
        let word = line.strip_prefix("all are here; continuing after ")?.split(' ').next()?;
        word.parse().ok()
    };
    let mut done = 0;
    for until in [1, 30, 60] {
        let (folder, address) = (format!("machine-{until}/"), address());
        machine(&bed, &folder);
        let start = |name: &str| start_in(&bed, &folder, name, &address, MANY);
        let mut parties: Vec<Child> = PARTIES.iter().map(|name| start(name)).collect();
        let mut coordinator = start("coordinator");
        let mut said = BufReader::new(coordinator.stderr.take().unwrap()).lines().map(Result::unwrap);
        let begins = said.find(|line| line.starts_with("all are here")).unwrap();
        // The last round that was told of need not be noted everywhere.
        assert!(rounds_of(&begins).unwrap_or_default() >= done, "{begins}");
        assert!(said.any(|line| line.starts_with(&format!("[{until}]"))), "it went on");
        coordinator.kill().unwrap();
        coordinator.wait().unwrap();
        fs::remove_dir_all(bed.path().join(&folder)).unwrap();
        for party in &mut parties {
            party.kill().unwrap();
            party.wait().unwrap();
        }
        assert_nothing_leaked(&bed, &folder);
        done = until;
    }
    // And one with a key that parties know, at an address where they wait.
    let address = address();
    let start = |name: &str| start_in(&bed, "", name, &address, MANY);
    let parties: Vec<Child> = PARTIES.iter().map(|name| start(name)).collect();
    let said = String::from_utf8_lossy(&end(start("coordinator")).stderr).into_owned();
    assert!(said.lines().filter_map(rounds_of).any(|rounds| rounds >= done), "{said}");
    parties.into_iter().for_each(|party| drop(end(party)));
    assert_models(&bed);
}

#[test]
fn mistakes_are_told_before_anybody_waits() {
    let bed = bed();
    let said = |args: &[&str]| {
        let key = ["boost", "federate", "--parties", "parties.txt", "--identity"];
        let output = bed.run(key.iter().chain(args).copied());
        assert_ne!(output.status.code(), Some(0));
        both(&output)
    };
    assert!(said(&["a.key", "--coordinator"]).contains("where should the coordinator listen?"));
    let listen = ["--coordinator", "--listen", "127.0.0.1:0"];
    assert!(said(&[&["a.key"], &listen[..]].concat()).contains("where should the model go?"));
    let with_model = [&listen[..], &["--model", "m.json"]].concat();
    assert!(said(&[&["a.key"], &with_model[..]].concat()).contains("as the coordinator, and this is"));
    let party = ["--party", "b", "--data", "b.csv", "--label", "y", "--coordinator", "127.0.0.1:1"];
    assert!(said(&[&["a.key"], &party[..]].concat()).contains("`b` has the fingerprint"));
    let unknown =
        ["a.key", "--party", "z", "--data", "b.csv", "--label", "y", "--coordinator", "127.0.0.1:1"];
    assert!(said(&unknown).contains("no party is called `z`"));
    let nobody = [
        "a.key",
        "--party",
        "a",
        "--data",
        "a.csv",
        "--label",
        "y",
        "--coordinator",
        "127.0.0.1:1",
        "--wait",
        "1",
    ];
    assert!(said(&nobody).contains("could not be reached for 1 s"));
    let wrong = [&["coordinator.key"], &with_model[..], &["--set", "objective=reg:absoluteerror"]].concat();
    assert!(said(&wrong).contains("it needs all rows in one place"));
}
