//! Budgets of differential privacy: spent by whatever contract, once, and never twice.

use super::sql::{Story, engine, events};
use crate::bed::both;
use std::fs;
use std::process::Stdio;

const QUERY: &str = "SELECT diagnosis, count(*) AS n FROM patients GROUP BY diagnosis ORDER BY diagnosis";
const BUDGET: &[&str] = &["--epsilon", "1"];

fn contract(epsilon: &str) -> [&str; 6] {
    ["--epsilon", epsilon, "--group", "diagnosis=flu,cold", "--person", "id"]
}

fn spent(story: &Story) -> [usize; 2] {
    [&story.a, &story.b].map(|bed| events(bed).matches("spent on").count())
}

#[test]
fn a_budget_is_spent_by_every_contract_and_no_further() {
    let Some(programs) = engine("a_budget_is_spent_by_every_contract_and_no_further") else { return };
    let story = Story::sealed(QUERY, programs, BUDGET, &contract("0.6"));
    let shown = story.ok(&story.host, &["seal", "contract", "show", "c.json"]);
    assert!(shown.contains("epsilon: 0.600") && shown.contains("groups of diagnosis: cold, flu"), "{shown}");
    let ran = story.start(&[]);
    assert!(ran.status.success(), "{}", both(&ran));
    let result = story.host.path().join("result");
    let table = story.ok(&story.a, &["seal", "open", result.to_str().unwrap(), "--party", "a"]);
    let groups: Vec<&str> =
        table.lines().filter_map(|line| line.split_once(',')).map(|(group, _)| group).collect();
    assert_eq!(groups, ["diagnosis", "cold", "flu"], "no group is told of that was not named: {table}");
    fs::rename(&result, story.host.path().join("first")).unwrap();
    // Neither the same contract again nor another one, nor the same folder under another name.
    assert_eq!(story.refused(&[]), "replay");
    story.agree("c.json", &contract("0.401"));
    assert_eq!(story.refused(&[]), "budget");
    let log = events(&story.a);
    assert!(
        log.contains("epsilon 0.600 spent on a/patients, version 1") && log.contains("refused: budget"),
        "{log}"
    );
    for bed in [&story.a, &story.b] {
        let (sealed, copied) = (bed.path().join("sealed"), bed.path().join("copied"));
        fs::rename(&sealed, &copied).unwrap();
        fs::create_dir(&sealed).unwrap();
        for file in fs::read_dir(&copied).unwrap().flatten() {
            fs::copy(file.path(), sealed.join(file.file_name())).unwrap();
        }
    }
    assert_eq!(story.refused(&[]), "budget");
    // Sealed again, the same version has what it had left.
    for (bed, party) in [(&story.a, "a"), (&story.b, "b")] {
        fs::remove_dir_all(bed.path().join("sealed")).unwrap();
        story.seal(bed, party, "sealed", BUDGET);
    }
    story.agree("c.json", &contract("0.401"));
    assert_eq!(story.refused(&[]), "budget");
    let snapshot = story.a.path().join("sealed/snapshot.json");
    let other = story.b.path().join("sealed/snapshot.json");
    let c = story.host.path().join("c.json");
    let asked = [
        "seal",
        "contract",
        "verify",
        c.to_str().unwrap(),
        "--input",
        snapshot.to_str().unwrap(),
        "--input",
        other.to_str().unwrap(),
    ];
    let asked = story.run(&story.a, &asked);
    assert_eq!(asked.status.code(), Some(16), "{}", both(&asked));
    assert!(both(&asked).contains("0.400 are left"), "{}", both(&asked));
    story.agree("c.json", &contract("0.4"));
    let ran = story.start(&[]);
    assert!(ran.status.success(), "{}", both(&ran));
    assert_eq!(spent(&story), [2, 2]);
}

#[test]
fn two_at_once_do_not_spend_what_one_may() {
    let Some(programs) = engine("two_at_once_do_not_spend_what_one_may") else { return };
    let story = Story::sealed(QUERY, programs, BUDGET, &contract("0.6"));
    story.agree("d.json", &contract("0.6"));
    let start = |contract: &str, result: &str| {
        let mut command = story.of_contract(contract, result, &[]);
        command.env("PATH", story.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both_of = [start("c.json", "of-c"), start("d.json", "of-d")];
    let ended = both_of.map(|child| child.wait_with_output().unwrap());
    // Both are asked in the same order, so that one gets through.
    let ran = ended.iter().filter(|output| output.status.success()).count();
    assert_eq!(ran, 1, "{}{}", both(&ended[0]), both(&ended[1]));
    assert!(spent(&story).iter().all(|spent| *spent <= 1), "{}{}", events(&story.a), events(&story.b));
    for output in ended.iter().filter(|output| !output.status.success()) {
        assert_eq!(Story::word(output), "budget", "{}", both(output));
    }
    // A trial spends nothing, and what is spent is seen by it.
    let before = spent(&story);
    let tried = story.run(&story.a, &["seal", "log", "verify"]);
    assert!(tried.status.success(), "{}", both(&tried));
    assert_eq!(spent(&story), before);
}

#[test]
fn data_with_a_budget_is_told_of_with_noise_only() {
    let Some(programs) = engine("data_with_a_budget_is_told_of_with_noise_only") else { return };
    let story = Story::sealed(QUERY, programs.clone(), BUDGET, &[]);
    assert_eq!(story.refused(&[]), "no-noise");
    // As was said before anybody signed.
    story.a.file("q.sql", QUERY);
    let sealed = story.a.path().join("sealed");
    let sealed = sealed.to_str().unwrap();
    let said = story.run(&story.a, &["sql", "check", "q.sql", "--input", sealed, "--output", "json"]);
    assert_eq!(said.status.code(), Some(16), "{}", both(&said));
    assert_eq!(both(&said).matches("\"no-noise\"").count(), 5, "{}", both(&said));
    let open = Story::sealed(QUERY, programs, &[], &contract("0.5"));
    assert_eq!(open.refused(&[]), "no-budget");
    assert_eq!([spent(&story), spent(&open)], [[0, 0]; 2]);
}
