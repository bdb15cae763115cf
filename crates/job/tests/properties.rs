//! Any bytes: an answer, never a panic, and always one that keeps its promises.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use welkin_job::limits::MAX_DIAGNOSTICS;
use welkin_job::{Code, Context, Secret, TaskDag, parse, parse_bytes};

fn context() -> Context {
    let mut context = Context::new("dir/job.yaml");
    context.envs.insert("MODEL".to_owned(), "llama".to_owned());
    context.secrets.insert("TOKEN".to_owned(), Secret::new("hunter2".to_owned()));
    context
}

/// What holds for every input.
fn check(bytes: &[u8]) {
    match parse_bytes(bytes, &context()) {
        Ok(parsed) => {
            let job = parsed.job;
            assert!(!job.tasks.is_empty());
            let dag = TaskDag::new(&job).unwrap();
            assert_eq!(dag.order().len(), job.tasks.len());
            for task in &job.tasks {
                assert!(!task.name.is_empty());
                assert!(!task.options.is_empty());
                assert!(task.num_nodes >= 1);
            }
        }
        Err(errors) => {
            assert!(errors.errors().count() > 0, "refused without an error");
            assert!(errors.items.len() <= 2 * MAX_DIAGNOSTICS);
            for item in &errors.items {
                assert!(item.line >= 1 && item.column >= 1 && item.length >= 1);
                assert!(!item.message.is_empty());
            }
        }
    }
}

/// Pieces that make files likely to get past the first key.
const PIECES: &[&str] = &[
    "run: x\n",
    "tasks:\n",
    "  a: {run: x}\n",
    "  b: {after: a}\n",
    "name: n\n",
    "---\n",
    "resources:\n",
    "  cpus: 4+\n",
    "  any_of: [{cpus: 1}, {infra: aws}]\n",
    "  accelerators: {A100: 8}\n",
    "envs: {A: $B}\n",
    "secrets: {K: hunter2}\n",
    "inputs: {x: a.o}\n",
    "outputs: {o: 1 GB}\n",
    "&a ",
    "*a",
    "<<: ",
    "- ",
    "? ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "#",
    "%YAML 1.1\n",
    "!!int ",
    "\t",
    "  ",
    "\n",
    "\r\n",
    "é",
    "execution: parallel\n",
    "policy: {residency: [eu]}\n",
    "time: 1:30\n",
    "...\n",
    "@",
    "`",
    "\u{feff}",
    "\u{85}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn any_pieces(picks in proptest::collection::vec(0..PIECES.len(), 0..30)) {
        let text: String = picks.into_iter().map(|pick| PIECES[pick]).collect();
        check(text.as_bytes());
    }

    /// A corpus file with a stretch cut out or replaced. (Damage to the key `secrets` itself makes
    /// its value any other; what else is promised about secrets is tested below.)
    #[test]
    fn any_damage(file in 0_usize..4, at in 0_usize..2_000, cut in 0_usize..20, piece in 0..PIECES.len()) {
        let text = [
            include_str!("corpus/valid/service_full.yaml"),
            include_str!("corpus/valid/anchors_and_merges.yaml"),
            include_str!("corpus/welkin/defaults.yaml"),
            include_str!("corpus/valid/job_group.yaml"),
        ][file];
        let chars: Vec<char> = text.chars().collect();
        let at = at.min(chars.len());
        let end = (at + cut).min(chars.len());
        let damaged: String = chars[..at].iter().chain(PIECES[piece].chars().collect::<Vec<_>>().iter()).chain(&chars[end..]).collect();
        check(damaged.as_bytes());
    }

    /// A secret shows in no diagnostic, wherever the mistake is.
    #[test]
    fn secrets_never_show(key in "[a-z]{1,8}", value in "[a-z0-9 :,{}\\[\\]\"'*&!|>%@-]{0,12}") {
        let text = format!("secrets:\n  A: hunter2\n  B: \"hunter2\"\n  {key}: hunter2{value}\n{key}: {value}\n");
        if let Err(errors) = parse(&text, &context()) {
            prop_assert!(!errors.to_string().contains("hunter2"), "{errors}");
            prop_assert!(!serde_json::to_string(&errors).unwrap().contains("hunter2"));
        }
    }
}

#[test]
fn the_command_line_wins() {
    let text = "envs: {MODEL: , OTHER: x}\nsecrets: {TOKEN: }\nworkdir: ./$MODEL\nrun: x";
    let parsed = parse(text, &context()).unwrap();
    assert!(parsed.warnings.is_empty());
    let task = &parsed.job.tasks[0];
    assert_eq!(task.envs["MODEL"], "llama");
    assert_eq!(task.secrets["TOKEN"].reveal(), "hunter2");
    assert_eq!(task.secrets["TOKEN"].to_string(), "****");
    assert!(!format!("{parsed:?}").contains("hunter2"));
}

#[test]
fn a_run_requires_its_secrets() {
    let text = "secrets: {MISSING: }\nrun: x";
    let planned = parse(text, &context()).unwrap();
    assert_eq!(planned.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [Code::SecretUnset]);
    let run = Context { secrets_required: true, ..context() };
    let errors = parse(text, &run).unwrap_err();
    assert_eq!(errors.errors().map(|error| error.code).collect::<Vec<_>>(), [Code::SecretUnset]);
}
