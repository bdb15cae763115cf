//! Much output, strange output.

use crate::support::{Agent, PATIENCE, exit, lines, step};
use welkin_provider::{Event, EventKind, Exit, Node, Step, Stream};
use welkin_units::Bytes;

#[tokio::test]
async fn a_flood_arrives_whole_and_in_order() {
    let agent = Agent::start().await;
    let events = agent.run(&step("flood", "seq 1 100000")).await;
    let lines = lines(&events, Stream::Stdout);
    assert!(lines.iter().map(|line| line.parse::<u32>().unwrap()).eq(1..=100_000));
}

/// The traceback of a job that failed is at the end of its log.
#[tokio::test]
async fn beyond_the_limit_the_beginning_and_the_end_are_kept_and_the_gap_is_told() {
    let agent = Agent::with(|options| options.log_limit = Bytes::new(400_000)).await;
    let late = step("late", "echo begin; seq 1 200000; echo Traceback >&2; exit 5");
    agent.node.start(&late).await.unwrap();
    let events = told_late(&agent, &late).await;
    assert_eq!(exit(&events), Exit::Code { code: 5 });
    assert_eq!(lines(&events, Stream::Stdout).first(), Some(&"begin"));
    assert_eq!(lines(&events, Stream::Stdout).last(), Some(&"200000"));
    assert_eq!(lines(&events, Stream::Stderr), ["Traceback"]);
    let gone = events.iter().find_map(|event| match event.kind {
        EventKind::LeftOut { events } => Some(events),
        _ => None,
    });
    let kept = lines(&events, Stream::Stdout).len() as u64;
    assert_eq!(kept + gone.unwrap(), 200_001);
}

#[tokio::test]
async fn whoever_keeps_up_hears_everything_whatever_the_limit() {
    let agent = Agent::with(|options| options.log_limit = Bytes::new(40_000)).await;
    // Each line waits until the one before it was heard.
    let pace = agent.home.join("pace");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pace,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let slow = step("slow", "exec 3<$HOME/pace; for i in $(seq 1 1000); do echo line $i; read -u 3 x; done");
    agent.node.start(&slow).await.unwrap();
    let mut pen = tokio::task::spawn_blocking(move || std::fs::File::create(pace).unwrap()).await.unwrap();
    let (mut from, mut heard) = (0, 0);
    while heard < 1000 {
        for event in agent.node.events(&slow.id, from, PATIENCE).await.unwrap() {
            assert_eq!(event.seq, from);
            from += 1;
            if matches!(event.kind, EventKind::Log { .. }) {
                heard += 1;
                std::io::Write::write_all(&mut pen, b"\n").unwrap();
            }
        }
    }
}

#[tokio::test]
async fn any_bytes_become_lines() {
    let agent = Agent::start().await;
    let events = agent.run(&step("binary", "head -c 300000 /dev/urandom; printf '\\n\\xff\\x00end'")).await;
    assert_eq!(exit(&events), Exit::Success);
    let last = events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Piece { text, last: true, unended: true, .. } => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(last, Some("\u{10FFFF}\0end"));
}

#[tokio::test]
async fn long_lines_are_split_and_progress_bars_are_kept_as_they_were_drawn() {
    let agent = Agent::start().await;
    let script = "head -c 150000 /dev/zero | tr '\\0' x; echo; printf '1%%\\r2%%\\r100%%\\n' >&2";
    let events = agent.run(&step("long", script)).await;
    let pieces = events.iter().filter_map(|event| match &event.kind {
        EventKind::Piece { text, last, unended: false, .. } => Some((text.len(), *last)),
        _ => None,
    });
    let pieces: Vec<(usize, bool)> = pieces.collect();
    assert_eq!(pieces, [(65536, false), (65536, false), (150_000 - 2 * 65536, true)]);
    assert_eq!(lines(&events, Stream::Stderr).last(), Some(&"1%\r2%\r100%"));
}

/// A script that writes faster than anybody reads is held back, and nothing of it is lost.
#[tokio::test]
async fn a_flood_waits_for_a_broker_that_reads_slowly() {
    let agent = Agent::with(|options| options.log_limit = Bytes::new(40_000)).await;
    let flood = step("flood", "seq 1 20000");
    agent.node.start(&flood).await.unwrap();
    let (mut from, mut heard) = (0, Vec::new());
    loop {
        let events = agent.node.events(&flood.id, from, PATIENCE).await.unwrap();
        assert!(events.iter().all(|event| !matches!(event.kind, EventKind::LeftOut { .. })), "{events:?}");
        // It takes no more than a few at a time.
        for event in events.into_iter().take(50) {
            from = event.seq + 1;
            match event.kind {
                EventKind::Log { line, .. } => heard.push(line.parse::<u32>().unwrap()),
                EventKind::Finished { .. } => {
                    assert!(heard.into_iter().eq(1..=20_000));
                    return;
                }
                _ => {}
            }
        }
    }
}

/// Everything that a reader is told who comes when the step is over.
async fn told_late(agent: &Agent, step: &Step) -> Vec<Event> {
    // Events from a number that is never reached come when there will be none.
    assert!(agent.node.events(&step.id, u64::MAX, PATIENCE).await.unwrap().is_empty());
    let mut events: Vec<Event> = Vec::new();
    while !matches!(events.last(), Some(Event { kind: EventKind::Finished { .. }, .. })) {
        let from = events.last().map_or(0, |last| last.seq + 1);
        events.extend(agent.node.events(&step.id, from, PATIENCE).await.unwrap());
    }
    events
}
