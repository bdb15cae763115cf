//! Runs from beginning to end.

use crate::bed::{Bed, both, example, stderr};
use std::io::{BufRead, BufReader};

#[test]
fn the_founding_example_runs_to_its_accuracy() {
    let bed = Bed::new();
    let output = bed.run(["up", &example("sky.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let accuracy = told.split("accuracy: ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!((78.0..90.0).contains(&accuracy.parse::<f64>().unwrap()), "{accuracy}");
    // Nobody was asked, and nobody was told that this is a cloud.
    assert!(stderr(&output).contains("no money is at stake"), "{}", stderr(&output));
    for line in stderr(&output).lines().filter(|line| line.starts_with('[')) {
        assert!(line.contains("(EMULATED)"), "{line}");
    }
    let bill = bed.json(&["cost", "sky-example"]);
    assert_eq!(bill["bill"]["metered"], bill["bill"]["notional"]);
    let places: Vec<&str> = bill["bill"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["item"]["vm"].is_object())
        .map(|line| line["place"]["provider"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["azure", "aws", "gcp"]);
    bed.assert_clean();
}

#[test]
fn the_shipped_patients_are_what_the_generator_draws() {
    let drawn =
        std::process::Command::new("awk").args(["-f", &example("data/generate.awk")]).output().unwrap();
    let shipped = std::fs::read(example("data/patients.csv")).unwrap();
    assert!(drawn.status.success() && drawn.stdout == shipped);
}

#[test]
fn the_other_examples_run() {
    let bed = Bed::new();
    for (name, expected) in [
        ("hello.yaml", "hello | hello from"),
        ("gang.yaml", "gang.2 | pi is about 3.1"),
        ("diamond.yaml", "join | the sum is 49995000"),
        ("skypilot-task.yaml", "count-words |      52"),
    ] {
        let told = bed.ok(["up", &example(name)]);
        assert!(told.contains(expected), "{name} does not say `{expected}`:\n{told}");
    }
    assert_eq!(bed.json(&["runs"])["runs"].as_array().unwrap().len(), 4);
    bed.assert_clean();
}

#[test]
fn a_saved_plan_runs_with_its_secret_which_is_never_shown() {
    let bed = Bed::new();
    bed.file(
        "job.yaml",
        "name: quiet\nresources: {cpus: 2+}\nsecrets: {TOKEN: placeholder}\nrun: |\n  echo \"${#TOKEN} letters: $TOKEN\"\n",
    );
    bed.ok(["plan", "job.yaml", "--save", "plan.json"]);
    let without = bed.run(["up", "plan.json"]);
    assert_eq!(without.status.code(), Some(2), "{}", both(&without));
    assert!(stderr(&without).contains("--secret TOKEN"), "{}", stderr(&without));
    let output = bed.run(["up", "plan.json", "--secret", "TOKEN=hunter22"]);
    assert!(both(&output).contains("8 letters: ****"), "{}", both(&output));
    assert!(!both(&output).contains("hunter22"), "{}", both(&output));
    let shown = bed.ok(["logs"]) + &bed.ok(["status", "--history", "--output", "json"]);
    assert!(!shown.contains("hunter22"), "{shown}");
}

#[test]
fn a_saved_plan_finds_its_files_from_another_folder() {
    let bed = Bed::new();
    bed.file("work/code/word.txt", "anchored\n");
    let job = bed.file(
        "work/job.yaml",
        "name: far\nresources: {cpus: 2+}\nworkdir: code\noutputs: {o: {uri: \"file://./out.txt\"}}\nrun: cat word.txt | tee $WELKIN_OUTPUT_O\n",
    );
    bed.file("elsewhere/empty", "");
    bed.ok(["plan", "work/job.yaml", "--save", "elsewhere/plan.json"]);
    let output = bed.ok(["up", "elsewhere/plan.json"]);
    assert!(output.contains("far | anchored"), "{output}");
    assert_eq!(std::fs::read_to_string(job.with_file_name("out.txt")).unwrap(), "anchored\n");
}

#[test]
fn a_home_may_lie_deeper_than_the_path_of_a_socket_is_long() {
    let bed = Bed::new();
    let deep = bed.home().join("d".repeat(200));
    let at = |args: &[&str]| bed.command(args).env("WELKIN_HOME", &deep).output().unwrap();
    let output = at(&["up", &example("hello.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    assert!(both(&output).contains("hello | hello from"), "{}", both(&output));
    assert_eq!(at(&["gc"]).status.code(), Some(0));
    assert_eq!(bed.processes(), Vec::<i32>::new());
}

#[test]
fn a_job_is_read_from_standard_input() {
    let bed = Bed::new();
    let job = bed.file("job.yaml", "name: piped\nresources: {cpus: 2+}\nworkdir: code\nrun: cat word\n");
    bed.file("code/word", "from the present folder\n");
    let output = bed.command(["up", "-"]).stdin(std::fs::File::open(job).unwrap()).output().unwrap();
    assert!(both(&output).contains("piped | from the present folder"), "{}", both(&output));
}

#[test]
fn a_run_is_found_by_its_id_by_the_name_of_its_job_or_by_a_beginning() {
    let bed = Bed::new();
    for (file, name) in [("a.yaml", "job"), ("b.yaml", "job-two")] {
        bed.file(file, &format!("name: {name}\nresources: {{cpus: 2+}}\nrun: 'true'\n"));
    }
    let [first, second, longer] = ["a.yaml", "a.yaml", "b.yaml"].map(|file| {
        let run = bed.json(&["up", file]);
        run["run"]["id"].as_str().unwrap().to_owned()
    });
    let found = |text: &str| bed.json(&["status", text])["run"]["id"].as_str().unwrap().to_owned();
    assert_eq!([found(&first), found(&second), found(&longer)], [&*first, &*second, &*longer]);
    assert_eq!((found("job"), found("job-t")), (second, longer), "the latest with exactly that name");
    let unclear = bed.run(["status", "jo"]);
    assert_eq!(unclear.status.code(), Some(9), "{}", both(&unclear));
    assert!(stderr(&unclear).contains("fits 3 runs"), "{}", stderr(&unclear));
}

#[test]
fn a_script_that_fails_fails_the_run() {
    let bed = Bed::new();
    bed.file("job.yaml", "name: sad\nresources: {cpus: 2+}\nrun: |\n  echo before\n  exit 7\n");
    let output = bed.run(["up", "job.yaml"]);
    assert_eq!(output.status.code(), Some(6), "{}", both(&output));
    assert!(stderr(&output).contains("exit code 7"), "{}", stderr(&output));
    assert!(stderr(&output).contains("welkin logs sad-"), "{}", stderr(&output));
    assert_eq!(bed.ok(["logs", "sad"]), "sad | before\n");
    let status = bed.json(&["status"]);
    assert_eq!(
        (&status["run"]["state"], &status["run"]["tasks"][0]["state"]),
        (&"failed".into(), &"failed".into())
    );
    bed.assert_clean();
}

#[test]
fn while_a_run_is_under_way_others_look_follow_and_are_kept_out() {
    let bed = Bed::new();
    let gate = bed.home().with_file_name("gate");
    let script = format!(
        "name: slow\nresources: {{cpus: 2+}}\nrun: |\n  echo started\n  until [ -e {} ]; do sleep 0.02; done\n  echo finished\n",
        gate.display()
    );
    bed.file("job.yaml", &script);
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "slow | started"));

    let mut follow = bed.command(["logs", "-f"]).spawn().unwrap();
    let mut followed = BufReader::new(follow.stdout.take().unwrap()).lines();
    assert_eq!(followed.next().unwrap().unwrap(), "slow | started");
    assert_eq!(bed.json(&["status"])["run"]["tasks"][0]["state"], "running");
    assert_eq!(bed.json(&["runs"])["runs"][0]["state"], "running");
    let second = bed.run(["resume"]);
    assert_eq!(second.status.code(), Some(8), "{}", both(&second));

    std::fs::write(&gate, "").unwrap();
    assert_eq!(followed.next().unwrap().unwrap(), "slow | finished");
    assert!(followed.next().is_none());
    assert!(follow.wait().unwrap().success());
    assert!(lines.any(|line| line.unwrap() == "slow | finished"));
    assert!(lines.count() > 0);
    assert!(up.wait().unwrap().success());
    bed.assert_clean();
}

#[test]
fn what_arrives_at_the_place_of_an_output_meanwhile_stays_and_is_told() {
    let bed = Bed::new();
    let gate = bed.home().with_file_name("gate");
    let script = format!(
        "name: late\nresources: {{cpus: 2+}}\noutputs: {{o: {{uri: \"file://./results\"}}}}\nrun: |\n  mkdir $WELKIN_OUTPUT_O && echo new > $WELKIN_OUTPUT_O/out.txt\n  echo started\n  until [ -e {} ]; do sleep 0.02; done\n",
        gate.display()
    );
    bed.file("job.yaml", &script);
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "late | started"));
    let mine = bed.file("results/mine.txt", "mine");
    std::fs::write(&gate, "").unwrap();
    lines.for_each(drop);
    let output = up.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", both(&output));
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(mine.parent().unwrap()).unwrap().count(), 1);
    let run = bed.json(&["status"])["run"]["id"].as_str().unwrap().to_owned();
    let beside = mine.parent().unwrap().with_file_name(format!("results.from-{run}"));
    assert_eq!(std::fs::read_to_string(beside.join("out.txt")).unwrap(), "new\n");
    let told = stderr(&output);
    assert!(told.contains("holds what this run did not put there, and is left as it is"), "{told}");
    assert!(told.contains(&format!("results.from-{run}")), "{told}");
    bed.assert_clean();
}

#[test]
fn two_outputs_never_go_to_one_place() {
    let bed = Bed::new();
    bed.file(
        "job.yaml",
        "name: both\nresources: {cpus: 2+}\noutputs: {a: {uri: \"file://./r\"}, b: {uri: \"file://./x/../r/in\"}}\nrun: exit 1\n",
    );
    let output = bed.run(["up", "job.yaml"]);
    assert!(!output.status.success(), "{}", both(&output));
    assert!(stderr(&output).contains("would be at, in or around that of both.a"), "{}", stderr(&output));
    bed.assert_clean();
}

#[test]
fn no_capacity_moves_on_to_the_next_best_place() {
    let bed = Bed::new();
    bed.file("job.yaml", "name: moved\nresources: {cpus: 2+, infra: aws}\nrun: echo here\n");
    bed.file(
        "h/clouds/aws/faults.json",
        r#"{"shortages": [{"scope": {"region": "us-east-1"}, "nodes": 0}]}"#,
    );
    let output = bed.run(["up", "job.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    assert!(stderr(&output).contains("no capacity"), "{}", stderr(&output));
    let status = bed.json(&["status"]);
    let attempts = status["run"]["tasks"][0]["attempts"].as_array().unwrap();
    assert!(attempts.len() > 1);
    assert_ne!(attempts.last().unwrap()["place"]["location"]["region"], "us-east-1");
    bed.assert_clean();
}

#[test]
fn an_output_that_was_not_written_is_not_said_to_be_the_scripts_failure() {
    let bed = Bed::new();
    bed.file("job.yaml", "name: none\nresources: {infra: local}\noutputs: {o: {}}\nrun: echo fine\n");
    let output = bed.run(["up", "job.yaml", "--yes"]);
    let told = both(&output);
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("its script succeeded, but not all of its outputs are there"), "{told}");
    assert!(told.contains("output o is missing") && !told.contains("its script failed"), "{told}");
}
