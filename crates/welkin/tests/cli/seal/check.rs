//! `welkin sql check`: what is said before anybody signs is what happens afterwards.

use super::sql::{QUERY, Story, engine};
use crate::bed::both;
use serde_json::Value;
use std::fs;

/// The ways of a query with the words of those that refuse it.
fn ways(story: &Story, args: &[&str], code: i32) -> Vec<(String, Option<String>)> {
    let sealed = story.a.path().join("sealed");
    let snapshot = story.b.path().join("sealed/snapshot.json");
    let inputs =
        ["--input", sealed.to_str().unwrap(), "--input", snapshot.to_str().unwrap(), "--output", "json"];
    let checked = story.run(&story.a, &[&["sql", "check"], args, &inputs].concat());
    assert_eq!(checked.status.code(), Some(code), "{args:?}: {}", both(&checked));
    let told: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&told["schema"], &told["runs"]), (&"welkin.sql-check/1".into(), &(code == 0).into()));
    let way = |way: &Value| {
        assert_eq!(way["runs"].as_bool().unwrap(), way["why"].is_null());
        (way["way"].as_str().unwrap().to_owned(), way["refused"].as_str().map(str::to_owned))
    };
    told["ways"].as_array().unwrap().iter().map(way).collect()
}

#[test]
fn what_would_be_refused_is_said_before_anybody_signs() {
    let Some(programs) = engine("what_would_be_refused_is_said_before_anybody_signs") else { return };
    let story = Story::of(QUERY, programs, &[]);
    let said = |query: &str, args: &[&str], code: i32| {
        story.a.file("q.sql", query);
        let ways = ways(&story, &[&["q.sql"], args].concat(), code);
        let ways: Vec<String> = ways
            .into_iter()
            .map(|(way, refused)| refused.map_or(way.clone(), |word| format!("{way}: {word}")))
            .collect();
        ways.join(", ")
    };
    assert_eq!(said(QUERY, &[], 0), "ordinary, small-groups, oblivious, private: not-private, together");
    let groups = ["--epsilon", "0.5", "--group", "diagnosis=flu", "--bound", "age=0..120"];
    assert_eq!(said(QUERY, &groups, 0), "ordinary, small-groups, oblivious, private, together");
    assert_eq!(
        said(QUERY, &groups[..2], 16),
        "ordinary, small-groups, oblivious, private: not-private, together"
    );
    let rows = "SELECT upper(diagnosis) AS d FROM a.patients";
    let of_rows =
        "ordinary, small-groups: small-groups, oblivious: not-oblivious, private: not-private, together";
    assert_eq!(said(rows, &[], 0), of_rows);
    assert_eq!(said(rows, &["--minimum-group", "5"], 16), of_rows);
    let none = "ordinary: no-query, small-groups: no-query, oblivious: no-query, private: no-query, together: no-query";
    for query in [
        "DROP TABLE a.patients",
        "SELECT nothing FROM a.patients",
        "SELECT 1 AS x; SELECT 2 AS x",
        "SELECT id, id FROM a.patients",
    ] {
        assert_eq!(said(query, &[], 16), none, "{query}");
    }
    // What several engines do not do together is nothing that one does not.
    let now = "SELECT count(*) AS n FROM a.patients WHERE now() > '2020-01-01'";
    let ways = said(now, &["--engines", "3"], 16);
    assert!(ways.starts_with("ordinary, ") && ways.ends_with("together: unsupported"), "{ways}");
    said(QUERY, &["--engines", "3"], 0);
    // Nothing of it is anybody's data, and no log has a line of it.
    let log = super::sql::events(&story.a);
    assert!(!log.contains("released") && !log.contains("refused"), "{log}");
}

#[test]
fn contracts_are_checked_as_what_they_say() {
    let Some(programs) = engine("contracts_are_checked_as_what_they_say") else { return };
    let story = Story::of("SELECT upper(diagnosis) AS d FROM patients", programs, &["--oblivious"]);
    let copy = |story: &Story| {
        let contract = fs::read_to_string(story.host.path().join("c.json")).unwrap();
        story.a.file("c.json", &contract);
    };
    copy(&story);
    let checked = ways(&story, &["c.json", "--query", "q.sql"], 16);
    assert_eq!(checked[2], ("oblivious".to_owned(), Some("not-oblivious".to_owned())));
    assert_eq!(story.refused(&[]), "not-oblivious", "what was said is what happens");
    story.agree("c.json", &[]);
    copy(&story);
    ways(&story, &["c.json", "--query", "q.sql"], 0);
    story.agree("c.json", &["--oblivious", "--minimum-group", "2"]);
    copy(&story);
    ways(&story, &["c.json", "--query", "q.sql"], 16);
    // Another query, no query, and what a contract says itself.
    story.a.file("other.sql", "SELECT 1 AS x");
    let sealed = story.a.path().join("sealed");
    let sealed = ["--input", sealed.to_str().unwrap()];
    for (args, code) in [
        (&["c.json", "--query", "other.sql"][..], 16),
        (&["c.json", "--query", "q.sql"], 16),
        (&["c.json"], 2),
        (&["c.json", "--query", "q.sql", "--minimum-group", "3"], 2),
        (&["q.sql", "--query", "q.sql"], 2),
    ] {
        let refused = story.run(&story.a, &[&["sql", "check"], args, &sealed].concat());
        assert_eq!(refused.status.code(), Some(code), "{args:?}: {}", both(&refused));
        assert!(refused.stdout.is_empty(), "{}", both(&refused));
    }
}
