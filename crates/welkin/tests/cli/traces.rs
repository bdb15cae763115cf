//! Traces as a collector sees them.

use crate::bed::{Bed, both, stderr};
use crate::broker::Apart;
use crate::broker_kill::get;
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use welkin_testkit::stand_ins::{Program, program};

/// A request that a collector got.
struct Asked {
    head: String,
    body: Vec<u8>,
}

/// A collector that keeps what it gets, and answers as it is told to: the n-th request with the n-th answer, and the rest with
/// the last.
struct Collector {
    address: String,
    asked: Receiver<Asked>,
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

impl Collector {
    fn answering(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (send, asked) = channel();
        std::thread::spawn(move || {
            let mut count = 0;
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(request) = read(&mut reader) {
                    let answer = answers[count.min(answers.len() - 1)];
                    count += 1;
                    if send.send(request).is_err() || (&stream).write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            }
        });
        Self { address, asked }
    }

    fn new() -> Self {
        Self::answering(&[TAKEN])
    }

    fn next(&self) -> Asked {
        self.asked.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// Spans that come, up to that of a run as a whole.
    fn to_the_end(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        while !spans.iter().any(is_root) {
            spans.extend(self::spans(&self.next().body));
        }
        spans
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    head.make_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { head, body })
}

fn spans(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

fn is_root(span: &Value) -> bool {
    span["parentSpanId"].is_null()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key}: {value}"))
}

fn names(spans: &[Value]) -> BTreeSet<&str> {
    spans.iter().map(|span| text(span, "name")).collect()
}

/// All are of one trace, each has an id of its own, a time, and a parent among them.
fn assert_whole(spans: &[Value], trace: &str) {
    let ids: BTreeMap<&str, &Value> = spans.iter().map(|span| (text(span, "spanId"), span)).collect();
    assert_eq!(ids.len(), spans.len(), "{spans:#?}");
    assert_eq!(spans.iter().filter(|span| is_root(span)).count(), 1);
    for span in spans {
        assert_eq!(text(span, "traceId"), trace);
        let time = |key| text(span, key).parse::<u64>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span}");
        let Some(parent) = span["parentSpanId"].as_str() else { continue };
        let parent = ids.get(parent).unwrap_or_else(|| panic!("no parent: {span}"));
        assert!(time("startTimeUnixNano") >= text(parent, "startTimeUnixNano").parse().unwrap(), "{span}");
    }
}

/// A broker's command with a collector.
fn with(bed: &Bed, address: &str, args: &[&str]) -> Command {
    let mut command = bed.command(args);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", address);
    command
}

fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    output
}

const JOB: &str = "name: one\nresources: {cpus: 1+}\nsetup: 'true'\nrun: echo done\n";

#[test]
fn each_step_of_a_run_is_a_span_of_the_trace_that_commands_show() {
    let (apart, collector) = (Apart::new(), Collector::new());
    apart.file("job.yaml", JOB);
    let done = ok(&mut with(&apart, &collector.address, &["up", "--yes", "job.yaml"]));
    let spans = collector.to_the_end();
    let status = apart.json(&["status"]);
    let trace = text(&status, "trace");
    assert_whole(&spans, trace);
    assert!(stderr(&done).contains(&format!("trace {trace}")), "{}", both(&done));
    let steps = ["acquire", "attempt", "boot", "release", "run", "script", "setup", "stage", "task", "wait"];
    assert_eq!(names(&spans), BTreeSet::from(steps));
    let shown = ok(&mut with(&apart, &collector.address, &["status"]));
    assert!(both(&shown).contains(&format!("trace {trace}\n")), "{}", both(&shown));
    let submitted = ["up", "--yes", "-d", "--output", "json", "job.yaml"];
    let submitted = ok(&mut with(&apart, &collector.address, &submitted));
    let submitted: Value = serde_json::from_slice(&submitted.stdout).unwrap();
    let more = collector.to_the_end();
    assert_whole(&more, text(&submitted, "trace"));
    // The last answer may not have been counted yet.
    let socket = apart.home().join("state/broker.sock");
    let wanted = format!("welkin_spans_sent_total {}\n", spans.len() + more.len());
    let is_counted = || get(&socket, "/metrics").unwrap().1.contains(&wanted);
    let tries = (0..100_000).filter(|_| is_counted()).take(1).count();
    let metrics = get(&socket, "/metrics").unwrap().1;
    assert!(tries == 1 && metrics.contains("\nwelkin_spans_dropped_total 0\n"), "{wanted}: {metrics}");
}

#[test]
fn a_run_that_a_broker_was_killed_under_goes_on_with_its_trace() {
    let (apart, collector) = (Apart::new(), Collector::new());
    let gate = apart.path().join("gate");
    let run = format!("until [ -e {} ]; do sleep 0.02; done", gate.display());
    apart.file("job.yaml", &format!("name: gated\nresources: {{cpus: 1+}}\nrun: {run}\n"));
    ok(&mut with(&apart, &collector.address, &["up", "--yes", "-d", "job.yaml"]));
    // The script runs once all before it was told of.
    let mut spans = Vec::new();
    while !names(&spans).contains("stage") {
        spans.extend(self::spans(&collector.next().body));
    }
    kill_process(apart.pid().unwrap(), Signal::KILL).unwrap();
    let mut going_on = with(&apart, &collector.address, &["resume"]).spawn().unwrap();
    apart.file("gate", "");
    assert!(going_on.wait().unwrap().success());
    spans.extend(collector.to_the_end());
    assert_whole(&spans, text(&apart.json(&["status"]), "trace"));
    let find = |name| spans.iter().find(|span| text(span, "name") == name).unwrap();
    // It began under the first broker and ended under the second.
    assert_eq!(find("script")["startTimeUnixNano"], find("stage")["endTimeUnixNano"]);
}

#[test]
fn a_command_that_drives_its_run_itself_sends_all_of_it_before_it_ends() {
    let (bed, collector) = (Bed::new(), Collector::new());
    bed.file("job.yaml", "name: one\nresources: {cpus: 1+}\nrun: exit 3\n");
    let mut command = with(&bed, &collector.address, &["up", "--yes", "job.yaml", "--output", "json"]);
    command
        .env("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=a%20b")
        .env("OTEL_SERVICE_NAME", "mine")
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", both(&output));
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    let asked = collector.next();
    for line in
        ["post /v1/traces http/1.1\r\n", "\r\ncontent-type: application/json\r\n", "\r\nx-key: a b\r\n"]
    {
        assert!(asked.head.contains(line), "{line}: {}", asked.head);
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    let resource = body["resourceSpans"][0]["resource"]["attributes"].to_string();
    for words in [r#"{"stringValue":"mine"}"#, r#""deployment.environment.name""#, r#""service.version""#] {
        assert!(resource.contains(words), "{words}: {resource}");
    }
    let mut spans = spans(&asked.body);
    if !spans.iter().any(is_root) {
        spans.extend(collector.to_the_end());
    }
    assert_whole(&spans, text(&run, "trace"));
    let failed: BTreeSet<&str> =
        spans.iter().filter(|span| span["status"]["code"] == 2).map(|span| text(span, "name")).collect();
    assert_eq!(failed, BTreeSet::from(["attempt", "run", "script", "task"]));
}

/// Whatever a collector does, or is not there to do, a run is none the wiser.
#[test]
fn no_run_fails_for_a_collector() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    // Connections are made, by the system, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = format!("http://{}", silent.local_addr().unwrap());
    let refuses = Collector::answering(&["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"]);
    let babbles = Collector::answering(&["nonsense\r\n\r\n"]);
    let moved = Collector::answering(&[
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    ]);
    for (variables, words) in [
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", nobody.as_str())], "traces to http://127.0.0.1"),
        (
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", deaf.as_str()), ("OTEL_EXPORTER_OTLP_TIMEOUT", "100")],
            "traces to",
        ),
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", refuses.address.as_str())], "HTTP 400"),
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", babbles.address.as_str())], "traces to"),
        (vec![("OTEL_EXPORTER_OTLP_ENDPOINT", moved.address.as_str())], "HTTP 307"),
        (
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")],
            "no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
        (
            vec![("OTEL_EXPORTER_OTLP_ENDPOINT", nobody.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            "no traces are sent: OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`",
        ),
    ] {
        let bed = Bed::new();
        bed.file("job.yaml", JOB);
        let mut command = bed.command(["up", "--yes", "job.yaml"]);
        let output = ok(command.envs(variables.clone()));
        assert!(stderr(&output).contains(words), "{variables:?}: {}", both(&output));
    }
}

#[test]
fn a_collector_that_was_away_is_told_all_once_it_is_back() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let collector = Collector::answering(Box::leak(Box::new([busy, busy, busy, TAKEN])));
    let apart = Apart::new();
    apart.file("job.yaml", JOB);
    ok(&mut with(&apart, &collector.address, &["up", "--yes", "job.yaml"]));
    let refused: Vec<Vec<u8>> = (0..3).map(|_| collector.next().body).collect();
    // The same, byte for byte, until it is taken.
    let taken = collector.next().body;
    assert!(refused.iter().all(|body| *body == taken));
    let mut spans = spans(&taken);
    if !spans.iter().any(is_root) {
        spans.extend(collector.to_the_end());
    }
    assert_whole(&spans, text(&apart.json(&["status"]), "trace"));
}

/// OpenTelemetry's own messages, made from its published schema, read each request: a key that is not in the schema, or a value
/// of another kind, is an error to them.
#[test]
fn what_is_sent_is_what_opentelemetry_has_published() {
    const JUDGE: &str = r#"
import base64, binascii, json, sys
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
body = json.load(sys.stdin)
for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
    # The one difference between OTLP's JSON and that of protobuf.
    for key in ("traceId", "spanId", "parentSpanId"):
        if key in span:
            span[key] = base64.b64encode(binascii.unhexlify(span[key])).decode()
request = json_format.ParseDict(body, ExportTraceServiceRequest())
for span in request.resource_spans[0].scope_spans[0].spans:
    assert len(span.trace_id) == 16 and len(span.span_id) == 8 and len(span.parent_span_id) in (0, 8)
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
    print(span.name, Status.StatusCode.Name(span.status.code), len(span.attributes), len(span.events))
"#;
    let python = match program(Program::OtlpPython) {
        Ok(python) => python,
        Err(why) => return println!("skipped: what_is_sent_is_what_opentelemetry_has_published: {why}"),
    };
    let (bed, collector) = (Bed::new(), Collector::new());
    bed.file("data/in", "some");
    bed.file("job.yaml", "name: one\nresources: {cpus: 1+}\nworkdir: data\nrun: exit 3\n");
    let mut command = with(&bed, &collector.address, &["up", "--yes", "job.yaml"]);
    assert_eq!(command.output().unwrap().status.code(), Some(6));
    let mut told = String::new();
    while !told.contains("\nrun ") {
        let mut judge = Command::new(&python)
            .args(["-c", JUDGE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        judge.stdin.take().unwrap().write_all(&collector.next().body).unwrap();
        let output = judge.wait_with_output().unwrap();
        assert!(output.status.success());
        told.push('\n');
        told.push_str(std::str::from_utf8(&output.stdout).unwrap());
    }
    let line =
        |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{told}"));
    assert!(line("attempt ").contains("STATUS_CODE_ERROR") && line("attempt ").ends_with(" 1"), "{told}");
    assert!(line("boot ").contains("STATUS_CODE_UNSET"), "{told}");
}
