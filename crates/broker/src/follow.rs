//! One step on one node, from start to its last event.
//!
//! What the node tells is stored before it is believed, and read on from the last stored number, so
//! that a broker that was killed misses nothing and stores nothing twice.

use crate::acquaint;
use crate::kept::Kept;
use crate::limits::{EVENT_WAIT, NODE_SILENCE};
use crate::live::{Fact, Halt, Live};
use crate::sealed;
use crate::silence::Silence;
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::time::sleep;
use welkin_provider::{ErrorKind, Event, EventKind, Exit, Node, Presented, ProviderError, Step, Stream};
use welkin_records::{AttemptEnd, Phase, Record, StepKey, Told};

/// Starts a step, or joins it where it is, and follows it to its end. What the engine of a sealed task says goes to `engine`.
pub(crate) async fn follow(
    live: &Live,
    key: StepKey,
    node: &dyn Node,
    step: &Step,
    poked: &Notify,
    engine: Option<&Sender<String>>,
) -> Result<Exit, Halt> {
    let records = live.world.store.records().await?;
    let Told { events: told, mut next } = records.told(&live.id, key).await?;
    let mut plain = told.len();
    if let Some(exit) = told.iter().find_map(finished) {
        return Ok(exit);
    }
    // A step that has told something is there; any other is started, once more if need be.
    let mut started = next > 0;
    let most = live.world.options.most_output();
    let mut kept = match started {
        true => Kept::of(most, records.lines(&live.id, key).await?),
        false => Kept::new(most),
    };
    let (mut silence, mut saying) = (Silence::new(), Saying::default());
    loop {
        let answer = if started {
            silence.during(node.events(&step.id, next, EVENT_WAIT)).await
        } else {
            silence.during(node.start(step)).await.map(|()| Vec::new())
        };
        match answer {
            Ok(events) => {
                let said_nothing = events.is_empty();
                let mut events = sensible(contiguous(events, next), &mut plain);
                // A node that takes a step again and again without ever knowing it is as good as silent, and so is one whose
                // events do not follow what it told before.
                let astray = events.is_empty() && !said_nothing;
                if started && !astray {
                    silence = Silence::new();
                }
                started = true;
                let Some(last) = events.last() else {
                    if astray {
                        endure(&mut silence, live, &senseless(key)).await?;
                    }
                    continue;
                };
                next = last.seq + 1;
                let exit = events.iter().find_map(|event| finished(&event.kind));
                let said = engine.map(|_| saying.take(&mut events)).unwrap_or_default();
                take(live, key, events, &mut kept).await?;
                for line in said {
                    // Nobody listens any more when the talk is over.
                    let Some(engine) = engine else { break };
                    if engine.send(line).await.is_err() {
                        break;
                    }
                }
                if let Some(exit) = exit {
                    return Ok(exit);
                }
            }
            // What it made has no room where it goes. The work is done, and doing it again elsewhere makes none.
            Err(error) if started && error.kind == ErrorKind::NoCapacity => {
                return Ok(Exit::PublishFailed { message: error.to_string() });
            }
            Err(error) => {
                if is_final(error.kind) {
                    return Err(Halt::end(AttemptEnd::Unstaged { message: error.to_string() }));
                }
                // The node does not know a step whose start it never heard of.
                started = started && error.kind != ErrorKind::NotFound;
                poked.notify_one();
                live.retrying(&error);
                endure(&mut silence, live, &error).await?;
            }
        }
    }
}

/// Whether asking again cannot help: the node finds the step malformed, knows it as another, or has no room for what it
/// needs.
const fn is_final(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::NotSupported | ErrorKind::NoCapacity)
}

async fn take(live: &Live, key: StepKey, events: Vec<Event>, kept: &mut Kept) -> Result<(), Halt> {
    let attempt = live.attempt(key.attempt)?;
    let gone = kept.take(&events);
    let mut events: Vec<Event> = events.into_iter().map(in_words).collect();
    let presented = match &live.job.tasks[key.attempt.task].federated {
        Some(_) if key.phase == Phase::Run => presented(&mut events),
        _ => None,
    };
    let notice = events.iter().find_map(|event| match event.kind {
        EventKind::PreemptionNotice { at } if attempt.preemption_notice.is_none() => Some(at),
        _ => None,
    });
    let publishing = key.phase == Phase::Run
        && !attempt.publishing
        && events.iter().any(|event| matches!(event.kind, EventKind::Published { .. }));
    let mut facts = Vec::new();
    if let Some(at) = notice {
        facts.push(Fact::Record(Record::PreemptionNoticed { attempt: key.attempt, at }));
    }
    // With the line that says so: a broker that is killed in between would never hear it again.
    if let Some(presented) = presented {
        facts.push(Fact::Record(Record::Presented { attempt: key.attempt, presented }));
    }
    if publishing {
        facts.push(Fact::Record(Record::PublishBegan { attempt: key.attempt }));
    }
    facts.push(Fact::Told(key, events, gone));
    live.record(facts).await?;
    Ok(())
}

/// Who a script says it is to the others of its training; words about it are left in its output.
fn presented(events: &mut [Event]) -> Option<Presented> {
    let mut last = None;
    for event in events {
        if let EventKind::Log { stream: stream @ Stream::Stdout, line } = &mut event.kind
            && let Some((presented, words)) = acquaint::heard(line)
        {
            (*line, *stream) = (words, Stream::Agent);
            last = Some(presented);
        }
    }
    last
}

/// What an engine says: messages, each a line, of which long ones come in pieces.
#[derive(Default)]
struct Saying {
    /// The pieces so far of a line; none of one that is too long.
    begun: Option<String>,
    too_long: bool,
}

impl Saying {
    /// Takes what is said out of output, and leaves words about it there: a value may be in what is no message, too.
    fn take(&mut self, events: &mut [Event]) -> Vec<String> {
        let mut said = Vec::new();
        for event in events {
            match &mut event.kind {
                EventKind::Log { stream: stream @ Stream::Stdout, line } => {
                    let words = sealed::in_words(line);
                    said.push(std::mem::replace(line, words));
                    *stream = Stream::Agent;
                }
                EventKind::Piece { stream: stream @ Stream::Stdout, text, last, .. } => {
                    let whole = self.piece(&std::mem::take(text), *last);
                    if *last {
                        *text = sealed::in_words(whole.as_deref().unwrap_or_default());
                    }
                    said.extend(whole);
                    *stream = Stream::Agent;
                }
                _ => {}
            }
        }
        // What is no message is nothing to anybody.
        said.retain(|line| sealed::is_message(line));
        said
    }

    /// The line that a piece ends.
    fn piece(&mut self, text: &str, last: bool) -> Option<String> {
        let begun = self.begun.get_or_insert_default();
        self.too_long |= begun.len() + text.len() > sealed::MOST_MESSAGE_BYTES;
        if self.too_long {
            *begun = String::new();
        } else {
            begun.push_str(text);
        }
        let whole = self.begun.take_if(|_| last)?;
        (!std::mem::take(&mut self.too_long)).then_some(whole)
    }
}

/// A gap in what a node has, as a line of its log.
fn in_words(event: Event) -> Event {
    let EventKind::LeftOut { events } = event.kind else { return event };
    let line = format!("{events} lines are left out here: the node keeps the beginning and the end of a log");
    Event { kind: EventKind::Log { stream: Stream::Agent, line }, ..event }
}

fn finished(event: &EventKind) -> Option<Exit> {
    match event {
        EventKind::Finished { exit } => Some(exit.clone()),
        _ => None,
    }
}

/// Numbers of events are smaller: a million of them a second for two hundred years.
const MOST_EVENTS: u64 = 1 << 53;

/// The events from number `next` on, up to the first gap that the node does not tell of itself: what
/// lies behind it is read again. No node leaves out more than there can have been.
fn contiguous(events: Vec<Event>, mut next: u64) -> Vec<Event> {
    let first = next;
    let new = events.into_iter().skip_while(|event| event.seq < first);
    let follows = |event: &Event| {
        let fits = match event.kind {
            EventKind::LeftOut { events } => {
                (next..MOST_EVENTS).contains(&event.seq) && events <= event.seq + 1
            }
            _ => event.seq == next && next < MOST_EVENTS,
        };
        next = event.seq.saturating_add(1);
        fits
    };
    new.take_while(follows).collect()
}

/// Events of a step that are no output, at most: each tree that it fetches and publishes is told of once, and a notice comes
/// a few times. All of them are kept.
const MOST_PLAIN: usize = 20_000;

/// Longest text in one of them: a path, or words about how it ended.
const MOST_TEXT_BYTES: usize = 64 << 10;

/// The events up to the first that no node has to tell: output has a bound of its own, and all others are kept for ever. Words
/// about an end are cut.
fn sensible(mut events: Vec<Event>, plain: &mut usize) -> Vec<Event> {
    let mut fits = |event: &mut Event| {
        let longest = match &mut event.kind {
            EventKind::Log { .. } | EventKind::Piece { .. } | EventKind::LeftOut { .. } => return true,
            EventKind::Fetched { path, .. } => path.len(),
            EventKind::Published { name, digest, .. } => name.len().max(digest.len()),
            EventKind::Finished { exit } => {
                cut(exit);
                0
            }
            EventKind::Started | EventKind::ScriptStarted | EventKind::PreemptionNotice { .. } => 0,
        };
        *plain += 1;
        *plain <= MOST_PLAIN && longest <= MOST_TEXT_BYTES
    };
    let end = events.iter_mut().position(|event| !fits(event));
    events.truncate(end.unwrap_or(usize::MAX));
    events
}

fn cut(exit: &mut Exit) {
    let (Exit::FetchFailed { message }
    | Exit::PublishFailed { message }
    | Exit::Refused { message }
    | Exit::NodeFault { message }) = exit
    else {
        return;
    };
    if message.len() > MOST_TEXT_BYTES {
        let end = (0..=MOST_TEXT_BYTES).rev().find(|at| message.is_char_boundary(*at));
        message.truncate(end.unwrap_or_default());
        message.push('…');
    }
}

fn senseless(key: StepKey) -> ProviderError {
    let operation = format!("read events of node {}", key.rank);
    ProviderError::new(
        "node",
        operation,
        ErrorKind::Transient,
        "they do not follow those that it told before, or are more than a node has to tell",
    )
}

/// Pauses, or gives the node up.
async fn endure(silence: &mut Silence, live: &Live, error: &ProviderError) -> Result<(), Halt> {
    let Some(pause) = silence.pause(error, &live.world.rng) else {
        let message = format!("no answer for {NODE_SILENCE}: {error}");
        return Err(Halt::end(AttemptEnd::Unreachable { message }));
    };
    sleep(pause).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::UnixMillis;
    use welkin_units::Bytes;

    #[test]
    fn repeated_events_are_dropped_and_gaps_end_a_batch() {
        let batch = |seqs: &[u64]| -> Vec<Event> {
            seqs.iter().map(|seq| Event { seq: *seq, at: UnixMillis(0), kind: EventKind::Started }).collect()
        };
        for (seqs, next, kept) in [
            (vec![0, 1, 2], 0, vec![0, 1, 2]),
            (vec![0, 1, 2], 2, vec![2]),
            (vec![3, 5], 3, vec![3]),
            (vec![4], 3, vec![]),
            (vec![], 0, vec![]),
            (vec![u64::MAX], u64::MAX, vec![]),
            (vec![MOST_EVENTS - 1, MOST_EVENTS], MOST_EVENTS - 1, vec![MOST_EVENTS - 1]),
        ] {
            let got: Vec<u64> = contiguous(batch(&seqs), next).iter().map(|event| event.seq).collect();
            assert_eq!(got, kept, "{seqs:?} from {next}");
        }
    }

    /// Events that are no output are kept for ever: a host could fill the disk with them.
    #[test]
    fn a_node_has_an_end_to_what_it_tells_besides_output() {
        let event = |kind| Event { seq: 0, at: UnixMillis(0), kind };
        let fetched = |length| event(EventKind::Fetched { path: "p".repeat(length), bytes: Bytes::ZERO });
        let line = || event(EventKind::Log { stream: Stream::Stdout, line: "l".repeat(1 << 20) });
        let mut plain = MOST_PLAIN - 2;
        let told = vec![line(), fetched(MOST_TEXT_BYTES), line(), fetched(1), fetched(1), line()];
        assert_eq!(sensible(told, &mut plain).len(), 4);
        assert!(
            sensible(vec![fetched(1)], &mut plain).is_empty()
                && sensible(vec![line()], &mut plain).len() == 1
        );
        assert!(sensible(vec![fetched(MOST_TEXT_BYTES + 1)], &mut 0).is_empty());
        let failed = Exit::NodeFault { message: "é".repeat(MOST_TEXT_BYTES) };
        let told = sensible(vec![event(EventKind::Finished { exit: failed })], &mut 0);
        let EventKind::Finished { exit: Exit::NodeFault { message } } = &told[0].kind else {
            panic!("{told:?}")
        };
        assert!(message.len() <= MOST_TEXT_BYTES + '…'.len_utf8() && message.ends_with("é…"));
    }

    #[test]
    fn nothing_that_an_engine_writes_in_pieces_is_told() {
        let mut events: Vec<Event> = [piece("a value", false), piece("a value", true)].into();
        assert!(Saying::default().take(&mut events).is_empty());
        for event in events {
            let EventKind::Piece { stream, text, .. } = event.kind else { panic!("it is a piece") };
            assert!(stream == Stream::Agent && !text.contains("value"), "{text}");
        }
    }

    fn piece(text: &str, last: bool) -> Event {
        let kind = EventKind::Piece { stream: Stream::Stdout, text: text.to_owned(), last, unended: false };
        Event { seq: 0, at: UnixMillis(0), kind }
    }

    /// Evidence with the certificates of a fleet has more than a line of a log.
    #[test]
    fn a_message_that_comes_in_pieces_is_put_together_up_to_the_longest() {
        let message = r#"{"refused":{"code":"no-evidence","why":"there is none"}}"#;
        let (first, rest) = message.split_at(20);
        let mut saying = Saying::default();
        assert!(saying.take(&mut [piece(first, false)]).is_empty());
        let mut last = [piece(rest, true), piece("", false), piece(message, true), piece(rest, true)];
        assert_eq!(saying.take(&mut last), [message, message]);
        let EventKind::Piece { text, .. } = &last[0].kind else { panic!("it is a piece") };
        assert_eq!(text, "the engine refused (no-evidence): there is none");
        // Of what is too long nothing is kept, and what follows is heard.
        let part = " ".repeat(1 << 20);
        for _ in 0..20 {
            assert!(saying.take(&mut [piece(&part, false)]).is_empty());
            assert!(saying.begun.as_ref().is_some_and(|begun| begun.len() <= sealed::MOST_MESSAGE_BYTES));
        }
        assert!(saying.take(&mut [piece(message, true)]).is_empty());
        assert_eq!(saying.take(&mut [piece(message, true)]), [message]);
    }

    #[test]
    fn a_gap_that_the_node_tells_of_is_no_gap() {
        let event = |seq, kind| Event { seq, at: UnixMillis(0), kind };
        let told = vec![event(7, EventKind::LeftOut { events: 5 }), event(8, EventKind::Started)];
        let got: Vec<u64> = contiguous(told, 3).iter().map(|event| event.seq).collect();
        assert_eq!(got, [7, 8]);
    }

    /// Such a line went on record under the number of another, or counted past the largest number there is.
    #[test]
    fn a_gap_goes_forward_and_is_no_larger_than_what_there_was() {
        for (seq, events) in [(2, 1), (7, 9), (7, u64::MAX), (MOST_EVENTS, 1), (u64::MAX, 1)] {
            let gap = |seq, events| Event { seq, at: UnixMillis(0), kind: EventKind::LeftOut { events } };
            let told = vec![gap(3, 1), gap(seq, events), gap(9, 1)];
            let got: Vec<u64> = contiguous(told, 3).iter().map(|event| event.seq).collect();
            assert_eq!(got, [3], "{seq}, {events}");
        }
    }
}
