//! What does not run, each with the word for it.

use crate::queries::{OF_A, hospitals};
use crate::world::{Job, World, simulated, snapshot, text};
use ring::rand::SystemRandom;
use std::fs;
use welkin_enclave::engine::{Engine, EngineError};
use welkin_seal::{Admitted, Binding, Challenge, Contract, Policy, Situation};

const QUERY: &str = "SELECT count(*) AS n FROM patients";

/// The word for why a job was refused. Nothing of a result is there then.
fn word(mut job: Job) -> &'static str {
    let refused = job.engine.run(&job.run);
    assert!(!job.run.output.exists());
    refused.unwrap_err().code()
}

fn changed(change: impl FnOnce(&World, &mut Job)) -> &'static str {
    let world = hospitals();
    let mut job = world.job(QUERY, 1);
    change(&world, &mut job);
    word(job)
}

#[test]
fn nothing_runs_but_the_query_that_was_signed() {
    assert_eq!(changed(|_, job| job.run.query.push(' ')), "changed-code");
    assert_eq!(changed(|_, job| job.run.query = "SELECT * FROM a.patients".to_owned()), "changed-code");
}

#[test]
fn nothing_runs_without_the_signature_of_every_owner() {
    let without = |party: &str| {
        changed(|_, job| {
            let mut contract = job.contract.clone();
            contract.signatures.remove(&party.parse().unwrap());
            job.run.contract = text(&contract);
        })
    };
    assert_eq!((without("a"), without("b")), ("missing-signature", "missing-signature"));
    let forged = changed(|_, job| {
        let mut contract = job.contract.clone();
        let of_a = contract.signatures[&"a".parse().unwrap()];
        contract.signatures.insert("b".parse().unwrap(), of_a);
        job.run.contract = text(&contract);
    });
    assert_eq!(forged, "bad-signature");
}

#[test]
fn an_engine_is_there_for_the_contract_that_its_evidence_names() {
    let other = changed(|world, job| {
        let contract = world.signed(world.manifest("SELECT * FROM a.patients", 1));
        (job.run.contract, job.run.query) = (text(&contract), "SELECT * FROM a.patients".to_owned());
    });
    assert_eq!(other, "other-contract");
    let world = hospitals();
    let mut job = world.job(QUERY, 1);
    let second = Challenge::draw(welkin_seal::Hex([1; 32]), &SystemRandom::new()).unwrap();
    assert_eq!(job.engine.attest(second).unwrap_err().code(), "other-session");
    job.engine.run(&job.run).unwrap();
    job.run.output = world.path("again");
    assert_eq!(word(job), "other-session", "an engine runs once");
    let mut job = world.job(QUERY, 1);
    job.engine = Engine::new(simulated()).unwrap();
    assert_eq!(word(job), "other-session", "nobody asked this one");
}

#[test]
fn nothing_runs_out_of_time() {
    let world = hospitals();
    let timed = |not_before, expires| {
        let manifest = world.manifest(QUERY, 1);
        let manifest = welkin_seal::Manifest { not_before, expires, ..manifest };
        let contract = world.signed(manifest);
        // Owners would not release for it; whoever runs it lied to them about the time.
        let mut job = world.job(QUERY, 1);
        let mut engine = Engine::new(simulated()).unwrap();
        let challenge = Challenge::draw(contract.digest(), &SystemRandom::new()).unwrap();
        engine.attest(challenge).unwrap();
        (job.engine, job.run.nonce, job.run.contract) = (engine, challenge.nonce, text(&contract));
        word(job)
    };
    assert_eq!(timed(0, 2), "expired");
    assert_eq!(timed(u64::MAX - 1, u64::MAX), "not-yet");
}

#[test]
fn files_are_what_was_signed() {
    let swapped = changed(|world, _| {
        let [a, b] = [0, 1].map(|number: usize| world.inputs[number].join("part-00000.parquet"));
        fs::copy(&b, &a).unwrap();
    });
    assert_eq!(swapped, "changed-file", "another sealed file");
    let bit = changed(|world, _| {
        let path = world.inputs[0].join("part-00000.parquet");
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(path, bytes).unwrap();
    });
    assert_eq!(bit, "changed-file");
    let open = changed(|world, _| {
        let path = world.inputs[0].join("part-00000.parquet");
        fs::write(path, OF_A).unwrap();
    });
    assert_eq!(open, "not-sealed", "a file in the open");
    let gone = changed(|world, _| fs::remove_file(world.inputs[0].join("part-00000.parquet")).unwrap());
    assert_eq!(gone, "changed-file");
    let pipe = changed(|world, _| {
        let path = world.inputs[0].join("part-00000.parquet");
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    });
    assert_eq!(pipe, "not-sealed", "a pipe keeps nobody waiting");
}

#[test]
fn another_version_of_the_data_is_other_data() {
    let rolled = changed(|world, job| {
        let mut old = World::new(&[]);
        old.parties = world.parties.clone();
        let path = old.seal("a", "patients", &["id,ward,age\n1,north,30\n"]);
        job.run.inputs[0] = path.clone();
        std::mem::forget(old);
    });
    assert_eq!(rolled, "changed-input");
    assert_eq!(changed(|_, job| drop(job.run.inputs.remove(0))), "missing-input");
}

#[test]
fn keys_are_those_of_the_owner_for_this_engine_and_this_contract() {
    assert_eq!(changed(|_, job| job.run.released.clear()), "no-key");
    let crossed = changed(|_, job| {
        // Each other's: a key is sealed with what it is of.
        let (a, b) = (job.run.released[0].clone(), job.run.released[1].clone());
        (job.run.released[0].party, job.run.released[1].party) = (b.party, a.party);
    });
    assert_eq!(crossed, "no-key");
    let world = hospitals();
    let (mut job, other) = (world.job(QUERY, 1), world.job(QUERY, 1));
    job.run.released = other.run.released;
    assert_eq!(word(job), "no-key", "another engine's");
    let foreign = changed(|world, _| {
        // Keys that somebody else signed, for the same data.
        let (path, snapshot) = (&world.inputs[0], snapshot(&world.inputs[0]));
        let mut thief = World::new(&["a"]);
        let stolen = thief.seal("a", "patients", &[OF_A]);
        assert_eq!(snapshot.party.as_str(), "a");
        fs::copy(stolen.join("keys.json"), path.join("keys.json")).unwrap();
    });
    assert_eq!(foreign, "bad-keys");
}

/// What an owner makes of an engine's answer.
fn judged(world: &World, contract: &Contract, asked: Challenge, policy: &Policy, of: Challenge) -> bool {
    let parties = world.parties.iter().map(|(name, root)| (name.clone(), root.identity().clone()));
    let situation = Situation { now: 1, parties: parties.collect(), ..Situation::default() };
    let agreed = contract.verify(&situation).unwrap();
    let mut engine = Engine::new(simulated()).unwrap();
    let attested = engine.attest(of).unwrap();
    let binding = Binding::to(&attested.engine, asked);
    Admitted::judge(&agreed, &attested.evidence, policy, binding, 1).is_ok()
}

#[test]
fn an_owner_believes_no_old_answer_no_other_contract_and_no_simulation_unasked() {
    let world = hospitals();
    let contract = world.signed(world.manifest(QUERY, 1));
    let draw = || Challenge::draw(contract.digest(), &SystemRandom::new()).unwrap();
    let asked = draw();
    let good = crate::world::policy();
    assert!(judged(&world, &contract, asked, &good, asked));
    assert!(!judged(&world, &contract, asked, &good, draw()), "an answer to another question");
    let other = Challenge { contract: welkin_seal::Hex([3; 32]), ..asked };
    assert!(!judged(&world, &contract, asked, &good, other), "an answer for another contract");
    assert!(!judged(&world, &contract, asked, &Policy::default(), asked), "nothing is allowed");
    let hardware = "schema = 'welkin.policy/1'\n[sev-snp]\nmeasurements.measurement = ['00']";
    assert!(
        !judged(&world, &contract, asked, &Policy::read(hardware).unwrap(), asked),
        "hardware is demanded"
    );
}

#[test]
fn what_is_no_query_is_refused() {
    let world = hospitals();
    let word = |query: &str| world.ask(query).unwrap_err().code();
    for query in [
        "",
        "DROP TABLE a.patients",
        "CREATE TABLE t AS SELECT * FROM a.patients",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT * FROM a.patients) TO 'out.csv'",
        "INSERT INTO a.patients VALUES (1, 'x', 2)",
        "SET datafusion.execution.target_partitions = 1",
        "SHOW TABLES",
        "DESCRIBE a.patients",
        "EXPLAIN SELECT * FROM a.patients",
        "EXPLAIN ANALYZE SELECT * FROM a.patients",
        "SELECT 1; SELECT 2",
        "SELECT * INTO t FROM a.patients",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT id, id FROM a.patients",
        "WITH t AS (DELETE FROM a.patients) SELECT 1 AS x",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "SELECT * FROM a.patients WHERE id = $1",
    ] {
        assert_eq!(word(query), "no-query", "{query}");
    }
}

#[test]
fn queries_of_many_levels_run_and_longer_ones_are_refused() {
    let world = hospitals();
    let terms = (0..700).map(|term| format!("id <> {}", term + 100)).collect::<Vec<_>>().join(" AND ");
    let ask = |condition: &str| world.ask(&format!("SELECT count(*) AS n FROM patients WHERE {condition}"));
    assert_eq!(ask(&terms).unwrap(), "n\n5\n");
    let error = ask(&format!("id{} > 0", " + 1".repeat(17_000))).unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("65536")), ("no-query", true), "{error}");
}

#[test]
fn errors_among_the_data_tell_no_value() {
    let world = hospitals();
    for query in [
        "SELECT CAST(ward AS INT) AS n FROM a.patients",
        "SELECT CAST(ward AS DATE) AS n FROM a.patients",
        "SELECT 1 / (age - 30) AS n FROM a.patients",
        "SELECT CAST(age * 10 AS TINYINT) AS n FROM a.patients",
    ] {
        let error = world.ask(query).unwrap_err();
        assert!(matches!(error, EngineError::Failed(_)), "{query}: {error:?}");
        for value in ["north", "south", "30", "40", "500"] {
            assert!(!format!("{error} {error:?}").contains(value), "{query}: {error:?}");
        }
    }
}
