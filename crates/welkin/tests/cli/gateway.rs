//! A gateway of the built binary: what it serves, to whom, and what its clients show of what it says.

use crate::bed::{Bed, both, stderr};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdout, Command};
use welkin_testkit::peer::{Answer, Answerer, CLIENT, Caller, Key, Wire, list};
use welkin_testkit::s3::{S3Options, S3Server};

/// A process that serves; it ends with this value.
pub(crate) struct Served {
    pub(crate) child: Child,
    /// What it says first: how to reach it, and what it serves.
    pub(crate) line: String,
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self { child, line, _stdout: stdout }
    }

    /// How clients name it.
    pub(crate) fn url(&self) -> &str {
        self.line.split_whitespace().next().unwrap()
    }

    pub(crate) fn address(&self) -> &str {
        self.url().rsplit(['/', '@']).next().unwrap()
    }

    fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// The next line on standard error that holds this.
    fn told(&mut self, part: &str) -> String {
        let stderr = self.child.stderr.as_mut().unwrap();
        BufReader::with_capacity(1, stderr)
            .lines()
            .map(Result::unwrap)
            .find(|line| line.contains(part))
            .unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn session(address: &str, key: &Key) -> io::Result<Caller> {
    let mut caller = Caller::over(Wire::secret(address, key, &[CLIENT]).await?);
    caller.route(&[]).await?;
    caller.hello(&"1".repeat(32)).await?;
    Ok(caller)
}

#[test]
fn keys_are_read_again_when_it_is_told_to() {
    let (bed, key, runtime) = (Bed::new(), Key::new(), runtime());
    bed.file("served/a", "a");
    let file = bed.file("ke\u{1b}[2Jys", &format!("client {}\n", key.fingerprint()));
    let mut gateway = Served::start(bed.command(["gateway", "serve", "served", "--keys", "ke\u{1b}[2Jys"]));
    let mut caller = runtime.block_on(session(gateway.address(), &key)).unwrap();
    let listed = runtime.block_on(caller.call(1, &list(""), b"")).unwrap();
    assert!(listed.contains(r#""k":"a""#), "{listed}");
    // A file that cannot be read takes nothing away and gives nothing.
    fs::write(&file, "client w1:nobody\n").unwrap();
    gateway.hang_up();
    let told = gateway.told("stay as they were");
    assert!(told.contains("ke\\x1b[2Jys, line 1"), "no terminal obeys the file's name: {told:?}");
    let listed = runtime.block_on(caller.call(2, &list(""), b"")).unwrap();
    assert!(listed.contains(r#""k":"a""#), "{listed}");
    // A right that is gone ends the session that had it.
    fs::write(&file, format!("client {} rights=write\n", key.fingerprint())).unwrap();
    gateway.hang_up();
    let fault = runtime.block_on(caller.fault());
    assert!(fault.contains("its rights have changed"), "{fault}");
    let mut caller = runtime.block_on(session(gateway.address(), &key)).unwrap();
    let refused = runtime.block_on(caller.call(1, &list(""), b"")).unwrap();
    assert!(refused.contains("forbidden"), "{refused}");
    // And whoever is not in it any more is nobody.
    fs::write(&file, format!("client {}\n", Key::new().fingerprint())).unwrap();
    gateway.hang_up();
    assert!(runtime.block_on(caller.fault()).contains("its rights have changed"));
    assert!(runtime.block_on(session(gateway.address(), &key)).is_err());
}

#[test]
fn what_a_gateway_leaves_out_is_named_to_its_client() {
    let bed = Bed::new();
    bed.file("served/a", "a");
    bed.file("served/z/b", "b");
    // More than the head of one answer carries, and more than one page.
    for number in 0..1200 {
        let link = bed.path().join(format!("served/z/link-with-a-rather-long-name-{number:04}"));
        std::os::unix::fs::symlink("b", link).unwrap();
    }
    let gateway = Served::start(bed.command(["gateway", "serve", "served", "--plain"]));
    let url = format!("{}/", gateway.url());
    let told = |args: &[&str]| {
        let output = bed.run(args);
        assert!(output.status.success(), "{}", both(&output));
        stderr(&output)
    };
    let dry = told(&["cp", &url, "out", "-n"]);
    assert_eq!(dry.matches("it is a link, and gateways leave links out").count(), 100, "{dry}");
    assert!(dry.contains("1100 more are left out"), "{dry}");
    let copied = told(&["cp", &url, "out"]);
    for number in 0..1200 {
        let name = format!("z/link-with-a-rather-long-name-{number:04}: it is a link, and gateways");
        assert_eq!(copied.matches(&name).count(), 1, "{name}");
    }
    assert_eq!(fs::read_to_string(bed.path().join("out/z/b")).unwrap(), "b");
    // Nothing is said of what the filter leaves out.
    let some = told(&["cp", &url, "out2", "--exclude", "link-*"]);
    assert!(!some.contains("it is a link"), "{some}");
}

#[test]
fn a_prefix_of_a_bucket_is_all_that_is_served() {
    let server = S3Server::start(S3Options::default().bucket("bkt")).unwrap();
    let bed = Bed::new();
    for name in ["in/served/a", "in/beside/b", "in/served-too/c"] {
        bed.file(name, name);
    }
    let with_store = |args: &[&str]| {
        let mut command = bed.command(args);
        command.env("AWS_ENDPOINT_URL", server.url()).env("AWS_ACCESS_KEY_ID", "k");
        command.env("AWS_SECRET_ACCESS_KEY", "s").env("AWS_REGION", "us-east-1");
        command
    };
    let output = with_store(&["cp", "in/", "s3://bkt/"]).output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
    let keys = || server.objects("bkt").iter().map(|object| object.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(), ["beside/b", "served-too/c", "served/a"]);

    let gateway = Served::start(with_store(&["gateway", "serve", "s3://bkt/served", "--plain"]));
    let url = gateway.url();
    // Everything that there is, as the client sees it.
    bed.ok(["cp", &format!("{url}/"), "out"]);
    assert_eq!(fs::read_dir(bed.path().join("out")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(bed.path().join("out/a")).unwrap(), "in/served/a");
    // Writing and removing stay below it too: the target is emptied of what the source does not have.
    bed.file("new/n", "n");
    bed.ok(["sync", "new", &format!("{url}/"), "--delete", "-y"]);
    assert_eq!(keys(), ["beside/b", "served-too/c", "served/n"]);
    for outside in ["../beside/b", "beside/b", "served/n"] {
        let output = bed.run(["cp", &format!("{url}/{outside}"), "no"]);
        assert!(!output.status.success(), "{outside}: {}", both(&output));
    }
}

#[test]
fn without_encryption_it_is_reached_from_elsewhere_only_on_request() {
    let bed = Bed::new();
    bed.file("served/a", "a");
    let everywhere = ["gateway", "serve", "served", "--plain", "--listen", "0.0.0.0:0"];
    let output = bed.run(everywhere);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
    assert!(stderr(&output).contains("would let everybody who can reach 0.0.0.0:"), "{}", both(&output));
    assert!(stderr(&output).contains("--expose-plain"), "{}", both(&output));
    let exposed = Served::start(bed.command(everywhere.into_iter().chain(["--expose-plain"])));
    assert!(exposed.line.starts_with("welkin+plain://0.0.0.0:"), "{}", exposed.line);
    // It says something only where nothing is encrypted.
    let output = bed.run(["gateway", "serve", "served", "--expose-plain"]);
    assert_eq!(output.status.code(), Some(2), "{}", both(&output));
}

#[test]
fn no_terminal_obeys_what_a_hostile_gateway_says() {
    const WELCOME: &str = r#"{"epoch":1,"name":"far\u001b[2J","bytes":1000000,"messages":9,"read_bytes":1000000,"limits":{"object_bytes":1099511627776,"part_bytes_min":1,"part_bytes_max":1048576,"parts":1000,"part_bytes_best":1048576,"key_bytes":1024}}"#;
    const FAILED: &str = r#"{"failed":{"failure":{"kind":"forbidden","operation":"x\u001b[31m","message":"y\u0007\u009b2Jz","retry_after_ms":null}}}"#;
    // Names that would clear the screen, ring, go back in the line, or read the other way round.
    const PAGE: &str = r#"[{"k":"\u0007bell","s":1},{"k":"\u001b[2Jclear","s":1},{"k":"a\rb","s":1},{"k":"x\u202egpj.exe","s":1}]"#;
    let (bed, runtime) = (Bed::new(), runtime());
    let reply = |head: &str, _: &[u8]| match head {
        head if head.contains(r#""after":null"#) => {
            Answer::Message(r#"{"page":{"last":false}}"#.to_owned(), PAGE.as_bytes().to_vec())
        }
        head if head.contains(r#""list""#) => {
            Answer::Message(r#"{"page":{"last":true}}"#.to_owned(), Vec::new())
        }
        _ => Answer::Message(FAILED.to_owned(), Vec::new()),
    };
    let hostile = runtime.block_on(Answerer::plain(WELCOME, reply)).unwrap();
    let from = format!("welkin+plain://{}/", hostile.address);
    for more in ["-v", "--dry-run"] {
        let mut copy = bed.command(["cp", &from, "to", "-y", more]);
        // It answers while the copy runs.
        let output = async { tokio::task::spawn_blocking(move || copy.output()).await.unwrap() };
        let output = runtime.block_on(output).unwrap();
        let said = both(&output);
        let obeyed = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
        assert!(!said.contains(obeyed), "{more}: {said:?}");
        assert!(said.contains("\\x1b[2Jclear") && said.contains("x\\u{202e}gpj.exe"), "{more}: {said}");
    }
}
