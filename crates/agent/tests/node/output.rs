//! Much output, strange output.

use crate::support::{Agent, exit, lines, step};
use welkin_provider::{Exit, Stream};
use welkin_units::Bytes;

#[tokio::test]
async fn a_flood_arrives_whole_and_in_order() {
    let agent = Agent::start().await;
    let events = agent.run(&step("flood", "seq 1 100000")).await;
    let lines = lines(&events, Stream::Stdout);
    assert!(lines.iter().map(|line| line.parse::<u32>().unwrap()).eq(1..=100_000));
}

#[tokio::test]
async fn beyond_the_limit_output_is_dropped_and_that_is_said() {
    let limit = 4_000_000;
    let agent = Agent::with(|options| options.log_limit = Bytes::new(limit)).await;
    let script = "yes $(printf '%01000d' 0) | head -c 9000000; echo end >&2; exit 5";
    let events = agent.run(&step("limit", script)).await;
    assert_eq!(exit(&events), Exit::Code { code: 5 });
    let kept: u64 = lines(&events, Stream::Stdout).iter().map(|line| line.len() as u64).sum();
    assert!(kept <= limit && kept > limit / 10 * 9, "{kept}");
    let said = lines(&events, Stream::Agent);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("log cut after 4 MB"), "{said:?}");
    assert!(said[1].ends_with("bytes of output were dropped"), "{said:?}");
}

#[tokio::test]
async fn any_bytes_become_lines() {
    let agent = Agent::start().await;
    let events = agent.run(&step("binary", "head -c 300000 /dev/urandom; printf '\\n\\xff\\x00end'")).await;
    assert_eq!(exit(&events), Exit::Success);
    assert_eq!(lines(&events, Stream::Stdout).last(), Some(&"\u{FFFD}\0end"));
}

#[tokio::test]
async fn long_lines_are_split_and_progress_bars_are_not_repeated() {
    let agent = Agent::start().await;
    let script = "head -c 150000 /dev/zero | tr '\\0' x; echo; printf '1%%\\r2%%\\r100%%\\n' >&2";
    let events = agent.run(&step("long", script)).await;
    let lengths: Vec<usize> = lines(&events, Stream::Stdout).iter().map(|line| line.len()).collect();
    assert_eq!(lengths, [65536, 65536, 150_000 - 2 * 65536]);
    assert_eq!(lines(&events, Stream::Stderr).last(), Some(&"100%"));
}
