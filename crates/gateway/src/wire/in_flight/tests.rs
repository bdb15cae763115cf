use super::*;
use crate::wire::frame::Kind;
use crate::wire::message::{Body, Charged, Message};
use bytes::Bytes;
use std::sync::Arc;

const MIB: usize = 1 << 20;

fn cut(id: u64) -> Cut {
    let message =
        Message { id, kind: Kind::Call, head: Bytes::new(), body: Body::none(), charged: Charged::default() };
    Cut { message: Arc::new(message), offset: 0, length: 0, headed: true, round: 0 }
}

/// Sends and acknowledges at `rate` bytes a second for `time`, keeping the window full.
fn run(flight: &mut InFlight, now: &mut Instant, rate: f64, time: Duration, count: &mut u64) {
    let until = *now + time;
    while *now < until {
        while flight.room(*now) > 0 {
            flight.sent(Some(cut(0)), flight.piece(), *now);
        }
        let bytes = flight.sent.front().unwrap().bytes;
        *now += Duration::from_secs_f64(bytes as f64 / rate);
        *count += 1;
        flight.acked(*count, *now, |_| ()).unwrap();
    }
}

#[test]
fn the_window_follows_the_rate() {
    let mut now = Instant::now();
    let (mut flight, mut count) = (InFlight::new(now), 0);
    assert_eq!(flight.room(now), FIRST_WINDOW);
    run(&mut flight, &mut now, 10e6, Duration::from_secs(4), &mut count);
    let rate = flight.rate().unwrap();
    assert!((9e6..11e6).contains(&rate), "{rate}");
    assert!(flight.window() > MIB && flight.piece() > 600_000, "{}", flight.window());
    run(&mut flight, &mut now, 0.2e6, Duration::from_secs(60), &mut count);
    assert_eq!((flight.window(), flight.piece()), (MIN_WINDOW, MIN_PIECE));
}

#[test]
fn a_lane_that_stalls_gets_nothing_and_gives_its_pieces_to_others_once() {
    let mut now = Instant::now();
    let (mut flight, mut count) = (InFlight::new(now), 0);
    run(&mut flight, &mut now, 10e6, Duration::from_secs(2), &mut count);
    flight.sent(Some(cut(7)), 1000, now);
    assert!(flight.late(now).is_empty());
    now += Duration::from_millis(2900);
    assert_eq!(flight.room(now), 0);
    assert!(flight.late(now).iter().any(|late| late.cut.message.id == 7));
    assert!(flight.late(now).is_empty());
    assert!(flight.owed(now).unwrap() >= Duration::from_millis(2900));
    assert!(flight.drain().iter().any(|cut| cut.message.id == 7));
    assert!(flight.is_empty());
}

#[test]
fn a_slow_lane_holds_two_pieces_and_lets_others_have_them_soon() {
    let mut now = Instant::now();
    let (mut flight, mut count) = (InFlight::new(now), 0);
    run(&mut flight, &mut now, 2e6, Duration::from_secs(2), &mut count);
    // 312 kbit/s: one of 32 lanes of a path that was cut to 10 Mbit/s.
    run(&mut flight, &mut now, 39e3, Duration::from_secs(60), &mut count);
    while flight.room(now) > 0 {
        flight.sent(Some(cut(7)), flight.piece(), now);
    }
    assert_eq!(flight.sent.len(), 2);
    flight.late(now);
    // Its own pace is 1.7 s a piece, so that it has not stalled yet: but no message need wait for that.
    let last = flight.sent.back().unwrap().at;
    now = last + LATE + Duration::from_millis(1);
    assert!(!flight.is_stalled(now));
    assert!(flight.late(now).iter().any(|late| late.since == last));
    assert!(flight.late(now).is_empty());
}

#[test]
fn what_a_lane_holds_is_no_longer_than_its_way_asks_for() {
    for (round_trip, planned) in [(0, 150), (80, 230), (200, 500), (600, 950)] {
        let now = Instant::now();
        let mut flight = InFlight::new(now);
        flight.sent(Some(cut(1)), MIB, now);
        flight.acked(1, now + Duration::from_millis(round_trip), |_| ()).unwrap();
        assert_eq!(flight.planned(), Duration::from_millis(planned), "{round_trip} ms");
    }
}

#[test]
fn only_what_was_sent_can_be_acknowledged() {
    let now = Instant::now();
    let mut flight = InFlight::new(now);
    flight.sent(Some(cut(1)), 10, now);
    assert_eq!(flight.acked(2, now, |_| ()), None);
    assert_eq!(flight.acked(1, now, |_| ()), Some(10));
    assert_eq!(flight.acked(0, now, |_| ()), None);
    assert_eq!(flight.acked(1, now, |_| ()), Some(0));
}
