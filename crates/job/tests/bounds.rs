//! Hostile files: refused, and with bounded work. Work is measured by what is produced, never by
//! the clock.

use std::fmt::Write;
use welkin_job::limits::*;
use welkin_job::{Code, Context, Diagnostics, parse, parse_bytes};

fn refuse(text: &str) -> Diagnostics {
    parse(text, &Context::new("job.yaml")).expect_err("the file is refused")
}

fn codes(text: &str) -> Vec<Code> {
    let mut codes: Vec<Code> = refuse(text).errors().map(|error| error.code).collect();
    codes.dedup();
    codes
}

#[test]
fn a_file_of_100_mb_is_refused_by_its_length() {
    // Not even text: had anything looked at the content, the code would be another.
    let bytes = vec![0xff; 100_000_000];
    let errors = parse_bytes(&bytes, &Context::new("job.yaml")).unwrap_err();
    assert_eq!(errors.items.len(), 1);
    assert_eq!(errors.items[0].code, Code::FileTooLarge);
    assert!(errors.items[0].message.contains(&MAX_FILE_BYTES.to_string()), "{errors}");
}

#[test]
fn bytes_that_are_not_text_have_a_place() {
    for (bytes, line, column) in [
        (&b"run: a\nname: \xff"[..], 2, 7),
        (b"run: a\x00b", 1, 7),
        (b"\xef\xbb\xbfrun: \x1b[31m", 1, 7),
        (b"a: b\nc: \xe2\x80\x8b\x07", 2, 5),
    ] {
        let errors = parse_bytes(bytes, &Context::new("job.yaml")).unwrap_err();
        let error = &errors.items[0];
        assert_eq!((error.code, error.line, error.column), (Code::NotText, line, column), "{errors}");
    }
    assert!(parse_bytes(b"\xef\xbb\xbfrun: make", &Context::new("job.yaml")).is_ok());
}

#[test]
fn alias_bombs_are_refused_before_they_grow() {
    // Nine levels of nine: 3.8e8 nodes from 500 bytes.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    assert_eq!(codes(&bomb), [Code::TooBig]);
    // Few nodes, much text.
    let text = "y".repeat(1 << 20);
    let fat = format!("a: &a \"{text}\"\nb: [{}]\n", vec!["*a"; 64].join(", "));
    assert_eq!(codes(&fat), [Code::TooBig]);
    // Through merge keys.
    let mut merges = "m0: &m0 {a: 1, b: 2}\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        writeln!(merges, "m{level}: &m{level} {{<<: [*m{before}, *m{before}], k{level}: *m{before}}}")
            .unwrap();
    }
    assert_eq!(codes(&merges), [Code::TooBig]);
}

#[test]
fn aliases_cannot_nest_deeper_than_files() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for level in 1..70 {
        writeln!(text, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(codes(&text), [Code::TooDeep]);
}

#[test]
fn deep_nesting_is_refused_at_the_bound() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let nested = |depth: usize| format!("config: {}1{}", open.repeat(depth), close.repeat(depth));
        assert!(codes(&nested(MAX_DEPTH - 1)).iter().all(|code| *code != Code::TooDeep));
        assert_eq!(codes(&nested(MAX_DEPTH)), [Code::TooDeep]);
        assert_eq!(codes(&format!("config: {}", open.repeat(1_000_000))), [Code::TooDeep]);
    }
    let mut block = String::new();
    for depth in 0..100 {
        writeln!(block, "{}a:", " ".repeat(depth)).unwrap();
    }
    assert_eq!(codes(&block), [Code::TooDeep]);
}

#[test]
fn errors_are_kept_up_to_a_bound_and_counted() {
    let mut text = "run: x\n".to_owned();
    for number in 0..50_000 {
        writeln!(text, "unknown{number}: 1").unwrap();
    }
    let errors = refuse(&text);
    assert_eq!(errors.items.len(), MAX_DIAGNOSTICS);
    assert!(errors.to_string().lines().count() < 10 * MAX_DIAGNOSTICS);
}

#[test]
fn warnings_do_not_hide_errors() {
    let mut text = "secrets:\n".to_owned();
    for number in 0..500 {
        writeln!(text, "  S{number}:").unwrap();
    }
    text.push_str("run: [x]\n");
    let errors = refuse(&text);
    assert_eq!(errors.errors().map(|error| error.code).collect::<Vec<_>>(), [Code::WrongType]);
    assert_eq!(errors.omitted, 500 - MAX_DIAGNOSTICS);
}

#[test]
fn counts_are_bounded() {
    let tasks = |count: usize| {
        let mut text = "tasks:\n".to_owned();
        (0..count).for_each(|number| writeln!(text, "  t{number}: {{run: x}}").unwrap());
        text
    };
    let job = parse(&tasks(MAX_TASKS), &Context::new("job.yaml")).unwrap().job;
    assert_eq!(job.tasks.len(), MAX_TASKS);
    assert_eq!(codes(&tasks(MAX_TASKS + 1)), [Code::TooMany]);

    let documents = "run: x\n---\n".repeat(MAX_DOCUMENTS + 5);
    assert_eq!(codes(&documents), [Code::TooMany]);

    let mut envs = "run: x\nenvs:\n".to_owned();
    (0..=MAX_ENVS).for_each(|number| writeln!(envs, "  E{number}: x").unwrap());
    assert_eq!(codes(&envs), [Code::TooMany]);

    let value = "x".repeat(MAX_ENV_VALUE_BYTES + 1);
    assert_eq!(codes(&format!("run: x\nenvs: {{A: {value}}}")), [Code::TooLong]);

    let ports = vec!["80"; MAX_LIST + 1].join(", ");
    assert_eq!(codes(&format!("run: x\nresources: {{ports: [{ports}]}}")), [Code::TooMany]);
}

#[test]
fn options_are_bounded() {
    let many = |count: usize| vec!["{cpus: 1}"; count].join(", ");
    let text = |count: usize| format!("run: x\nresources: {{any_of: [{}]}}", many(count));
    let job = parse(&text(MAX_OPTIONS_PER_TASK), &Context::new("job.yaml")).unwrap().job;
    assert_eq!(job.tasks[0].options.len(), MAX_OPTIONS_PER_TASK);
    assert_eq!(codes(&text(MAX_OPTIONS_PER_TASK + 1)), [Code::TooMany]);

    // Alternatives times accelerators.
    let accelerators: Vec<String> = (0..100).map(|number| format!("G{number}: 1")).collect();
    let product = format!(
        "run: x\nresources: {{accelerators: {{{}}}, any_of: [{}]}}",
        accelerators.join(", "),
        many(100)
    );
    assert_eq!(codes(&product), [Code::TooMany]);

    // Inherited by every task.
    let mut inherited = format!("resources: {{any_of: [{}]}}\ntasks:\n", many(MAX_OPTIONS_PER_TASK));
    (0..200).for_each(|number| writeln!(inherited, "  t{number}: {{run: x}}").unwrap());
    assert_eq!(codes(&inherited), [Code::TooMany]);
}

#[test]
fn edges_are_bounded() {
    let mut text = "tasks:\n  a: {run: x, outputs: {o: 1 GB}}\n".to_owned();
    for task in 0..30 {
        writeln!(text, "  t{task}:\n    run: x\n    inputs:").unwrap();
        for input in 0..MAX_LIST {
            writeln!(text, "      i{input}: a.o").unwrap();
        }
    }
    assert_eq!(codes(&text), [Code::TooMany]);
}

#[test]
fn substitution_and_inheritance_cannot_multiply() {
    let value = "v".repeat(100_000);
    let references = "$A".repeat(1_000);
    assert_eq!(codes(&format!("run: x\nenvs: {{A: {value}}}\nworkdir: {references}")), [Code::TooLong]);

    let mut text = format!("envs: {{A: {value}}}\ntasks:\n");
    (0..MAX_TASKS).for_each(|number| writeln!(text, "  t{number}: {{run: x}}").unwrap());
    assert_eq!(codes(&text), [Code::TooBig]);
}

#[test]
fn unknown_references_cost_bounded_suggestions() {
    let mut text = "tasks:\n".to_owned();
    for task in 0..MAX_TASKS {
        writeln!(text, "  task-number-{task}: {{run: x, after: [{}]}}", vec!["tsak-numbre-x"; 20].join(", "))
            .unwrap();
    }
    let errors = refuse(&text);
    assert_eq!(errors.errors().count(), MAX_DIAGNOSTICS);
    assert!(errors.errors().all(|error| error.code == Code::UnknownTask));
}

#[test]
fn long_lines_are_cut() {
    let errors = refuse(&format!("run: x\nbad: {}\n", "z".repeat(1_000_000)));
    assert!(errors.to_string().len() < 2_000);
    let errors = refuse(&format!("run: x\n{}: 1\n", "z".repeat(1_000)));
    assert!(errors.to_string().len() < 2_000);
}
