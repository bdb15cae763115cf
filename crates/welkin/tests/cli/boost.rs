//! `welkin boost` from outside.

use crate::bed::{Bed, both};

/// A table of 200 rows whose label follows from its features.
fn table(shuffled: bool) -> String {
    let mut lines: Vec<String> = (0..200)
        .map(|row| {
            let (a, b) = (row * 37 % 101, row * 53 % 17);
            let b = if row % 9 == 0 { String::new() } else { b.to_string() };
            format!("{a},{b},{}", i32::from(a > 50 && !b.is_empty()))
        })
        .collect();
    if shuffled {
        lines.reverse();
        lines.rotate_left(77);
    }
    format!("a,b,y\n{}\n", lines.join("\n"))
}

const TRAIN: [&str; 11] = [
    "boost",
    "train",
    "--data",
    "rows.csv",
    "--label",
    "y",
    "--rounds",
    "5",
    "--set",
    "objective=binary:logistic",
    "--model",
];

fn train(bed: &Bed, model: &str, more: &[&str]) -> std::process::Output {
    bed.run(TRAIN.iter().chain([model].iter()).chain(more).copied())
}

#[test]
fn shuffled_rows_on_other_threads_give_the_same_file_and_predictions() {
    let bed = Bed::new();
    bed.file("rows.csv", &table(false));
    let trained = train(&bed, "one.json", &[]);
    assert_eq!(trained.status.code(), Some(0), "{}", both(&trained));
    assert_eq!(String::from_utf8_lossy(&trained.stdout), "one.json: 5 rounds, 5 trees, from 200 rows\n");
    bed.file("rows.csv", &table(true));
    train(&bed, "two.json", &["--set", "nthread=3"]);
    train(&bed, "two.ubj", &[]);
    let read = |name: &str| std::fs::read(bed.path().join(name)).unwrap();
    assert!(read("one.json") == read("two.json"));
    assert!(read("two.ubj").starts_with(b"{L"));
    let text = bed.ok(["boost", "predict", "one.json", "rows.csv"]);
    assert_eq!(text, bed.ok(["boost", "predict", "two.ubj", "rows.csv"]));
    assert_eq!(text.lines().count(), 201);
    assert!(text.starts_with("prediction\n0."), "{text}");
    let rows = table(true);
    let right = text
        .lines()
        .skip(1)
        .zip(rows.lines().skip(1))
        .filter(|(p, row)| (p.parse::<f32>().unwrap() > 0.5) == row.ends_with('1'));
    assert_eq!(right.count(), 200);
}

#[test]
fn an_oblivious_training_gives_the_same_file_or_is_refused_by_name() {
    let bed = Bed::new();
    bed.file("rows.csv", &table(false));
    train(&bed, "plain.json", &[]);
    let trained = train(&bed, "hidden.json", &["--oblivious", "--set", "nthread=2"]);
    assert_eq!(trained.status.code(), Some(0), "{}", both(&trained));
    assert_eq!(String::from_utf8_lossy(&trained.stdout), "hidden.json: 5 rounds, 5 trees, from 200 rows\n");
    let read = |name: &str| std::fs::read(bed.path().join(name)).unwrap();
    assert!(read("plain.json") == read("hidden.json"));
    for more in [&[][..], &["--margin"]] {
        let predict = [&["boost", "predict", "plain.json", "rows.csv"], more].concat();
        assert_eq!(bed.ok(&predict), bed.ok([&predict[..], &["--oblivious"]].concat()));
    }
    let refused = train(&bed, "none.json", &["--oblivious", "--set", "subsample=0.5"]);
    assert_eq!(refused.status.code(), Some(1), "{}", both(&refused));
    assert!(both(&refused).contains("there is no oblivious training with `subsample`"), "{}", both(&refused));
    assert!(!bed.path().join("none.json").exists());
    for more in [["--valid", "rows.csv"], ["--start", "plain.json"], ["--categories", "b"]] {
        let refused = train(&bed, "none.json", &[&["--oblivious"], &more[..]].concat());
        assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
    }
}

#[test]
fn scores_early_stops_and_going_on_are_told() {
    let bed = Bed::new();
    bed.file("rows.csv", &table(false));
    bed.file("valid.csv", &table(true));
    let args = TRAIN.iter().copied().chain(["m.json", "--valid", "valid.csv", "--early-stopping", "2"]);
    let told = bed.json(&args.chain(["--set", "eta=1", "--set", "gamma=1000000"]).collect::<Vec<_>>());
    assert_eq!(told["rounds"], 1, "a model that cannot become better stops in its first round: {told}");
    assert_eq!(told["stopped"]["metric"], "valid-logloss");
    assert_eq!(told["history"].as_array().unwrap().len(), 3);
    train(&bed, "m.json", &[]);
    train(&bed, "longer.json", &["--start", "m.json"]);
    assert_eq!(bed.json(&["boost", "show", "longer.json"])["rounds"], 10);
    let rounds = train(&bed, "m.json", &["-v", "--score-training"]);
    let said = String::from_utf8(rounds.stderr).unwrap();
    assert_eq!(said.lines().filter(|line| line.contains("train-logloss:0.")).count(), 5, "{said}");
}

#[test]
fn a_model_is_shown() {
    let bed = Bed::new();
    bed.file("rows.csv", &table(false));
    train(&bed, "m.json", &[]);
    let shown = bed.ok(["boost", "show", "m.json"]);
    assert!(shown.starts_with("binary:logistic: 5 rounds, 5 trees, 2 features\n"), "{shown}");
    assert!(
        bed.ok(["boost", "show", "m.json", "--trees", "0"]).starts_with("booster[0]:\n0:[a<51] yes=1,no=2,")
    );
    assert_eq!(bed.json(&["boost", "show", "m.json", "--trees"])["trees"].as_array().unwrap().len(), 5);
    assert!(bed.ok(["boost", "show", "m.json", "--dot", "4"]).starts_with("digraph {\n"));
    let none = bed.run(["boost", "show", "m.json", "--dot", "5"]);
    assert!(both(&none).contains("there is no tree 5; the model has 5 trees"), "{}", both(&none));
}

#[test]
fn mistakes_are_told_with_their_place_and_leave_no_model() {
    let bed = Bed::new();
    for (rows, more, said) in [
        ("a,b,y\n1,x,0\n", &[][..], "line 2, column 2 (`b`): `x` is not a number"),
        ("a,b,y\n1,2,NaN\n", &[], "line 2, column 3 (`y`): there is no number, and one is needed here"),
        ("a,b,y\n1,2,0\n1,2,-inf\n", &[], "line 3, column 3 (`y`): `-inf` is too large"),
        ("a,b,y\n1,2,7\n", &[], "row 0 has the label 7, and binary:logistic needs labels from 0 to 1"),
        ("a,b,z\n1,2,0\n", &[], "there is no column `y`; the file has `a`, `b`, `z`"),
        ("a,b,y\n", &[], "there are no rows to train on"),
        ("y\n1\n", &[], "there are no features to train on"),
        ("a,y\n1,0\n", &["--set", "max_dept=3"], "did you mean `max_depth`?"),
        ("a,y\n1,0\n", &["--set", "tweedie_variance_power=1.2"], "means nothing to binary:logistic"),
        ("a,y\n1,0\n", &["--set", "updater=prune"], "a parameter of XGBoost that cannot be used here"),
        ("a,y\n1,0\n", &["--start", "rows.csv"], "neither JSON nor UBJSON"),
        ("a,y\n1,0\n", &["--valid", "none.csv"], "cannot read none.csv"),
    ] {
        bed.file("rows.csv", rows);
        let output = train(&bed, "m.json", more);
        assert_ne!(output.status.code(), Some(0));
        assert!(both(&output).contains(said), "{said}: {}", both(&output));
        assert!(!bed.path().join("m.json").exists(), "{said}");
    }
    bed.file("rows.csv", "a,b,y\n1,2,0\n3,4,1\n");
    train(&bed, "m.json", &[]);
    bed.file("other.csv", "b,c\n1,2\n");
    let other = bed.run(["boost", "predict", "m.json", "other.csv"]);
    assert!(both(&other).contains("there is no column `a`"), "{}", both(&other));
}

#[test]
fn one_row_one_class_and_constant_features_give_a_model() {
    let bed = Bed::new();
    for rows in ["a,y\n1,0\n", "a,y\n1,1\n1,1\n", "a,b,y\n5,,0\n5,,1\n5,,0\n"] {
        bed.file("rows.csv", rows);
        let output = train(&bed, "m.json", &[]);
        assert_eq!(output.status.code(), Some(0), "{rows}: {}", both(&output));
        let text = bed.ok(["boost", "predict", "m.json", "rows.csv"]);
        assert!(
            text.lines().skip(1).all(|line| (0.0..=1.0).contains(&line.parse::<f32>().unwrap())),
            "{text}"
        );
    }
}

#[test]
fn a_training_killed_while_it_writes_leaves_nothing() {
    let bed = Bed::new();
    bed.file("rows.csv", &table(false));
    let folder = bed.path().to_owned();
    let names = || {
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(name).collect();
        names.sort();
        names
    };
    let before = names();
    // The system kills a process that writes a longer file than it may: one block of 512 bytes.
    let words: Vec<String> = bed
        .command(TRAIN.iter().chain(&["m.json"]))
        .get_args()
        .map(|arg| format!("'{}'", arg.display()))
        .collect();
    let mut limited = bed.command_of("sh", ["-c", &format!("ulimit -f 1; exec \"$0\" {}", words.join(" "))]);
    let killed = limited.arg(env!("CARGO_BIN_EXE_welkin")).output().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&killed.status), Some(25), "{}", both(&killed));
    assert_eq!(names(), before);
}

#[test]
fn libsvm_files_train_and_predict_as_tables_do() {
    let bed = Bed::new();
    let rows: Vec<(usize, usize, usize)> =
        (0..200).map(|row| (row * 37 % 101, row * 53 % 17, usize::from(row * 37 % 101 > 50))).collect();
    let csv: String = rows.iter().map(|(a, b, y)| format!("{a},{b},{y}\n")).collect();
    let svm: String = rows.iter().map(|(a, b, y)| format!("{y} 1:{b} 0:{a} # a row\n")).collect();
    bed.file("rows.csv", &format!("f0,f1,y\n{csv}"));
    bed.file("rows.svm", &svm);
    train(&bed, "one.json", &[]);
    let settings = ["--rounds", "5", "--set", "objective=binary:logistic", "--model", "two.json"];
    bed.ok(["boost", "train", "--data", "rows.svm", "--libsvm", "--valid", "rows.svm"]
        .iter()
        .chain(&settings));
    let read = |name: &str| std::fs::read(bed.path().join(name)).unwrap();
    assert!(read("one.json") == read("two.json"));
    let predicted = bed.ok(["boost", "predict", "one.json", "rows.csv"]);
    assert_eq!(bed.ok(["boost", "predict", "one.json", "rows.svm", "--libsvm"]), predicted);
    bed.file("wide.svm", "1 7:1\n");
    let refused = bed.run(["boost", "predict", "one.json", "wide.svm", "--libsvm"]);
    assert!(
        both(&refused).contains("line 1: it has feature 7, and there are 2 from 0"),
        "{}",
        both(&refused)
    );
}

#[test]
fn a_learning_curve_is_drawn_of_what_a_training_wrote() {
    let bed = Bed::new();
    bed.file("rows.csv", &table(false));
    let args = TRAIN.iter().copied().chain(["m.json", "--score-training", "--output", "json"]);
    bed.file("trained.json", &bed.ok(args));
    let told = bed.ok(["boost", "show", "trained.json", "--curve"]);
    assert!(told.starts_with("train-logloss  █") && told.contains(" in 5 rounds, between 0."), "{told}");
    let svg = bed.ok(["boost", "show", "trained.json", "--curve", "--svg"]);
    assert!(svg.starts_with("<svg ") && svg.contains("<polyline ") && svg.contains("train-logloss"), "{svg}");
    let refused = bed.run(["boost", "show", "m.json", "--curve"]);
    assert!(both(&refused).contains("m.json has no history of a training"), "{}", both(&refused));
}

#[test]
fn a_model_is_converted_and_back_as_it_was() {
    let bed = Bed::new();
    bed.file("rows.csv", &table(false));
    train(&bed, "one.json", &[]);
    train(&bed, "one.ubj", &[]);
    let read = |name: &str| std::fs::read(bed.path().join(name)).unwrap();
    assert_eq!(bed.ok(["boost", "convert", "one.json", "two.ubj"]), "two.ubj: 5 rounds, 5 trees\n");
    assert!(read("two.ubj") == read("one.ubj"));
    // What a file is, and not how it is called, says how it is read. It may be written over.
    std::fs::rename(bed.path().join("two.ubj"), bed.path().join("two.json")).unwrap();
    let told = bed.json(&["boost", "convert", "two.json", "two.json"]);
    assert_eq!((&told["objective"], &told["trees"]), (&"binary:logistic".into(), &5.into()), "{told}");
    assert!(read("two.json") == read("one.json"));
    for (name, status) in [("two.bin", 2), ("two", 2), (".json", 2), ("none/two.json", 9)] {
        let refused = bed.run(["boost", "convert", "one.json", name]);
        assert_eq!(refused.status.code(), Some(status), "{name}: {}", both(&refused));
    }
    bed.file("cut.json", "{\"learner\":");
    let refused = bed.run(["boost", "convert", "cut.json", "two.json"]);
    assert!(both(&refused).contains("cut.json cannot be used as a model"), "{}", both(&refused));
    assert!(read("two.json") == read("one.json"), "what was there is there");
}
