//! What a job brings along: read when it is submitted, with its links and permissions, without what is
//! ignored; and kept from the eyes of others.

use crate::bed::{Bed, both, stderr};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

#[test]
fn files_are_read_when_the_run_is_submitted() {
    let bed = Bed::new();
    let word = bed.file("code/word.txt", "old\n");
    let gate = bed.home().with_file_name("gate");
    let job = format!(
        "name: snap\nworkdir: code\ntasks:\n  first:\n    resources: {{cpus: 2+}}\n    outputs: {{out: {{size: 1 MB}}}}\n    \
         run: |\n      echo started\n      until [ -e {} ]; do sleep 0.02; done\n      cat word.txt > ~/outputs/out\n  \
         second:\n    resources: {{cpus: 2+, infra: gcp}}\n    inputs: {{x: first.out}}\n    run: cat word.txt\n",
        gate.display()
    );
    bed.file("job.yaml", &job);
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "first | started"));
    fs::write(&word, "new\n").unwrap();
    fs::write(&gate, "").unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(up.wait().unwrap().success());
    assert!(rest.iter().any(|line| line == "second | old"), "{rest:?}");
    // The copy goes with the run.
    assert_eq!(fs::read_dir(bed.home().join("state/uploads")).unwrap().count(), 0);
}

#[test]
fn a_mount_is_laid_over_what_the_workdir_has_at_its_place() {
    let bed = Bed::new();
    for (file, text) in [
        ("code/data/stays", "workdir\n"),
        ("code/data/both", "workdir\n"),
        ("extra/both", "mount\n"),
        ("extra/sub/new", "mount\n"),
        ("single", "single\n"),
    ] {
        bed.file(file, text);
    }
    bed.file(
        "job.yaml",
        "name: laid\nresources: {cpus: 2+}\nworkdir: code\nfile_mounts: {data: ./extra, data/sub/one: ./single}\n\
         run: cat data/stays data/both data/sub/new data/sub/one\n",
    );
    let said = bed.ok(["up", "job.yaml"]);
    let lines: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("laid | ")).collect();
    assert_eq!(lines, ["workdir", "mount", "mount", "single"], "{said}");
}

#[test]
fn links_pipes_keys_and_ignored_files_mean_what_they_mean_in_skypilot() {
    let bed = Bed::new();
    bed.file("code/run.sh", "ls -A; stat -c '%a %n' key; readlink venv/bin/python; readlink dangling");
    bed.file("code/.skyignore", "*.log\n/data\n");
    for name in ["big.log", "data/huge.bin", ".git/config", "sub/x.log", "sub/y"] {
        bed.file(&format!("code/{name}"), "");
    }
    let key = bed.file("code/key", "secret");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let code = key.parent().unwrap();
    fs::create_dir_all(code.join("venv/bin")).unwrap();
    symlink("/usr/bin/python3", code.join("venv/bin/python")).unwrap();
    symlink("nowhere", code.join("dangling")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        code.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    bed.file("extra.txt", "extra\n");
    bed.file(
        "job.yaml",
        "name: brings\nresources: {cpus: 2+}\nworkdir: code\nfile_mounts: {inner/extra.txt: ./extra.txt}\n\
         run: |\n  sh run.sh\n  cat inner/extra.txt\n  echo $SKYPILOT_INTERNAL_JOB_ID $SKYPILOT_CLUSTER_INFO\n",
    );
    let output = bed.run(["up", "job.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    assert!(stderr(&output).contains("pipe: it is a named pipe"), "{}", stderr(&output));
    let told = String::from_utf8(output.stdout).unwrap();
    let said: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("brings | ")).collect();
    let listed = ["dangling", "inner", "key", "run.sh", ".skyignore", "sub", "venv"];
    for name in listed {
        assert!(said.contains(&name), "{name}: {said:?}");
    }
    assert_eq!(said.len(), listed.len() + 5, "{said:?}");
    for line in ["600 key", "/usr/bin/python3", "nowhere", "extra"] {
        assert!(said.contains(&line), "{line}: {said:?}");
    }
    assert!(
        said.last().unwrap().starts_with("1 {") && said.last().unwrap().contains("\"region\""),
        "{said:?}"
    );
    bed.assert_clean();
}

#[test]
fn a_name_that_cannot_be_brought_along_is_a_mistake_before_anything_is_leased() {
    use std::os::unix::ffi::OsStrExt;
    let bed = Bed::new();
    let code = bed.file("code/fine", "").parent().unwrap().to_owned();
    fs::write(code.join(std::ffi::OsStr::from_bytes(b"caf\xe9")), "").unwrap();
    bed.file("job.yaml", "name: odd\nresources: {cpus: 2+}\nworkdir: code\nrun: echo hi\n");
    let output = bed.run(["up", "job.yaml"]);
    assert!(stderr(&output).contains("its name is not UTF-8"), "{}", both(&output));
    assert_eq!(bed.json(&["runs"])["runs"].as_array().map(Vec::len).unwrap_or_default(), 0);
}

#[test]
fn secrets_at_rest_are_sealed_and_the_home_is_closed() {
    let bed = Bed::new();
    let gate = bed.home().with_file_name("gate");
    let job = format!(
        "name: quiet\nresources: {{cpus: 2+}}\nsecrets: {{TOKEN: null}}\nrun: |\n  echo \"${{#TOKEN}} letters\"\n  \
         until [ -e {} ]; do sleep 0.02; done\n",
        gate.display()
    );
    bed.file("job.yaml", &job);
    bed.file("secrets.env", "# of this test\n\nTOKEN=hunter22=x\n");
    let mut up = bed.command(["up", "job.yaml", "--secret-file", "secrets.env"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "quiet | 10 letters"));
    // The database, its log, the records of leases and nodes: all that a copy of the home would show.
    assert_eq!(files_with(&bed.home(), b"hunter22"), Vec::<PathBuf>::new());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&bed.home()), 0o700);
    assert_eq!(mode(&bed.home().with_file_name(".config").join("welkin/seal.key")), 0o600);
    fs::write(&gate, "").unwrap();
    assert!(lines.count() < 10_000 && up.wait().unwrap().success());
    bed.assert_clean();
}

fn files_with(folder: &Path, text: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(files_with(&path, text));
        } else if kind.is_file()
            && fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text))
        {
            found.push(path);
        }
    }
    found
}

/// A prompt is seen while its script waits for the answer.
#[test]
fn a_line_without_an_end_is_seen_while_its_script_waits() {
    use std::io::Read;
    let bed = Bed::new();
    let gate = bed.home().with_file_name("gate");
    let job = format!(
        "name: asks\nresources: {{cpus: 2+}}\nrun: |\n  printf 'Continue? '\n  until [ -e {} ]; do sleep 0.02; done\n  echo yes\n",
        gate.display()
    );
    bed.file("job.yaml", &job);
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut out = BufReader::new(up.stdout.take().unwrap());
    let mut told = Vec::new();
    while !told.ends_with(b"asks | Continue? ") {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        told.extend(byte);
    }
    fs::write(&gate, "").unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("yes\n"), "{rest}");
    assert!(up.wait().unwrap().success());
    assert_eq!(bed.ok(["logs"]), "asks | Continue? yes\n");
}
