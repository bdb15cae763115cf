//! Spans as OTLP's JSON has them: protobuf's mapping to JSON, but ids in hexadecimal digits and enums as numbers.
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use crate::options::Options;
use crate::spans::{Attributes, Happened, Span, SpanId, Value as Told};
use serde_json::{Value, json};
use welkin_provider::UnixMillis;

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: u32 = 1;

/// `STATUS_CODE_ERROR`.
const ERROR: u32 = 2;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The body of a request.
pub(crate) fn request(options: &Options, spans: &[Span]) -> Value {
    let own = [("service.name", options.service.as_str()), ("service.version", VERSION)];
    let said = options.resource.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let resource: Vec<Value> =
        own.into_iter().chain(said).map(|(name, text)| pair(name, of_text(text))).collect();
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let scope = json!({"name": "welkin", "version": VERSION});
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }]})
}

/// How many spans of a request a collector did not take, by its answer; none where it says nothing of that.
pub(crate) fn rejected(answer: &[u8]) -> u64 {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return 0 };
    // A number of 64 bits is a text in this JSON, and a number to some who write it.
    match &answer["partialSuccess"]["rejectedSpans"] {
        Value::String(text) => text.parse().unwrap_or(0),
        number => number.as_u64().unwrap_or(0),
    }
}

fn span(span: &Span) -> Value {
    let mut wire = json!({
        "traceId": span.trace.to_string(),
        "spanId": hex(span.id),
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanos(span.from),
        "endTimeUnixNano": nanos(span.to),
        "attributes": attributes(&span.attributes),
    });
    if let Some(parent) = span.parent {
        wire["parentSpanId"] = hex(parent).into();
    }
    if !span.events.is_empty() {
        wire["events"] = span.events.iter().map(event).collect();
    }
    if span.left_out > 0 {
        wire["droppedEventsCount"] = span.left_out.into();
    }
    if let Some(why) = &span.failed {
        wire["status"] = json!({"code": ERROR, "message": why});
    }
    wire
}

fn event(event: &Happened) -> Value {
    json!({
        "timeUnixNano": nanos(event.at),
        "name": event.name,
        "attributes": attributes(&event.attributes),
    })
}

fn attributes(attributes: &Attributes) -> Vec<Value> {
    let value = |told: &Told| match told {
        Told::Text(text) => of_text(text),
        Told::Number(number) => json!({"intValue": number.to_string()}),
    };
    attributes.iter().map(|(name, told)| pair(name, value(told))).collect()
}

fn pair(name: &str, value: Value) -> Value {
    json!({"key": name, "value": value})
}

fn of_text(text: &str) -> Value {
    json!({"stringValue": text})
}

fn hex(id: SpanId) -> String {
    format!("{:016x}", id.0)
}

fn nanos(at: UnixMillis) -> String {
    (u128::from(at.0) * 1_000_000).min(u128::from(u64::MAX)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_leaves_out_is_counted_however_it_is_written() {
        for (answer, count) in [
            (r#"{}"#, 0),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#, 3),
            (r#"{"partialSuccess":{"rejectedSpans":4}}"#, 4),
            (r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#, 0),
            ("", 0),
            ("<html>", 0),
            ("[[[", 0),
        ] {
            assert_eq!(rejected(answer.as_bytes()), count, "{answer}");
        }
    }
}
