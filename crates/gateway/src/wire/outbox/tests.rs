use super::*;
use crate::wire::frame::Kind;
use crate::wire::in_flight::InFlight;
use crate::wire::message::{Body, Charged};
use bytes::Bytes;
use std::time::Duration;

const MIB: usize = 1 << 20;

fn call(outbox: &Outbox, length: usize) -> u64 {
    outbox.submit(|id| Message {
        id,
        kind: Kind::Call,
        head: Bytes::from_static(b"head"),
        body: Body::Bytes(Bytes::from(vec![0; length])),
        charged: Charged::default(),
    })
}

fn outbox(bytes: usize) -> Outbox {
    Outbox::new(Keep::UntilAnswered, Grant { bytes, messages: 100 })
}

fn take(outbox: &Outbox, room: usize, piece: usize) -> Vec<(u64, usize, usize)> {
    taken(outbox, room, piece).iter().map(|cut| (cut.message.id, cut.offset, cut.length)).collect()
}

fn taken(outbox: &Outbox, room: usize, piece: usize) -> Vec<Cut> {
    let mut cuts = Vec::new();
    outbox.take(room, piece, None, &mut cuts);
    cuts
}

#[test]
fn lanes_cut_what_suits_them() {
    let outbox = outbox(64 * MIB);
    call(&outbox, MIB);
    assert_eq!(take(&outbox, 1, 64 << 10), [(1, 0, 64 << 10)]);
    assert_eq!(take(&outbox, 1, MIB), [(1, 64 << 10, MIB - (64 << 10))]);
    assert!(take(&outbox, 1, MIB).is_empty());
}

#[test]
fn control_calls_overtake() {
    let outbox = outbox(64 * MIB);
    call(&outbox, MIB);
    call(&outbox, 0);
    assert_eq!(take(&outbox, 2 * MIB, MIB), [(2, 0, 0), (1, 0, MIB)]);
}

#[test]
fn what_was_lost_goes_first_unless_it_arrived_otherwise() {
    let outbox = outbox(64 * MIB);
    call(&outbox, 3 * MIB);
    let lost = taken(&outbox, 2 * MIB, MIB);
    assert_eq!(lost.len(), 2);
    outbox.acked(&lost[0]);
    outbox.again(lost.into_iter());
    assert_eq!(take(&outbox, 3 * MIB, MIB), [(1, MIB, MIB), (1, 2 * MIB, MIB)]);
}

#[test]
fn the_grant_holds_and_an_answer_gives_it_back() {
    let outbox = outbox(3 * MIB);
    for _ in 0..3 {
        call(&outbox, MIB);
    }
    assert_eq!(take(&outbox, 9 * MIB, MIB).len(), 2);
    assert_eq!(outbox.floor(), 1);
    outbox.forget(1);
    assert_eq!(outbox.floor(), 2);
    assert_eq!(take(&outbox, 9 * MIB, MIB), [(3, 0, MIB)]);
    // Larger than everything: alone, but sent.
    call(&outbox, 5 * MIB);
    assert!(take(&outbox, 9 * MIB, MIB).is_empty());
    outbox.forget(2);
    outbox.forget(3);
    assert_eq!(take(&outbox, 9 * MIB, MIB).len(), 5);
}

#[test]
fn a_restart_sends_everything_again_and_ignores_what_was_before() {
    let outbox = outbox(64 * MIB);
    call(&outbox, 2 * MIB);
    let old = taken(&outbox, 9 * MIB, MIB);
    outbox.acked(&old[0]);
    outbox.restart(Grant { bytes: 64 * MIB, messages: 100 });
    outbox.acked(&old[1]);
    outbox.again(old.into_iter());
    assert_eq!(take(&outbox, 9 * MIB, MIB), [(1, 0, MIB), (1, MIB, MIB)]);
}

#[test]
fn an_answer_is_over_when_all_of_it_was_taken() {
    let outbox = Outbox::new(Keep::UntilTaken, Grant { bytes: usize::MAX, messages: usize::MAX });
    call(&outbox, 2 * MIB);
    for cut in taken(&outbox, 9 * MIB, MIB) {
        assert!(outbox.len() == 1);
        outbox.acked(&cut);
        outbox.acked(&cut);
    }
    assert_eq!(outbox.len(), 0);
}

/// A lane of so many bytes a second that has as much as a window in flight.
fn pace(rate: f64) -> Pace {
    let now = Instant::now();
    let mut flight = InFlight::new(now);
    let cut = Cut {
        message: Arc::new(Message {
            id: 1,
            kind: Kind::Call,
            head: Bytes::new(),
            body: Body::none(),
            charged: Charged::default(),
        }),
        offset: 0,
        length: 0,
        headed: true,
        round: 0,
    };
    flight.sent(Some(cut), MIB, now);
    flight.acked(1, now + Duration::from_secs_f64(MIB as f64 / rate), |_| ()).unwrap();
    flight.pace().unwrap()
}

#[test]
fn what_is_late_is_taken_by_a_lane_that_is_sooner_with_it() {
    let outbox = outbox(64 * MIB);
    call(&outbox, 2 * MIB);
    let held = taken(&outbox, 2 * MIB, MIB);
    let (since, needs) = (Instant::now(), Duration::from_secs(8));
    outbox.late(held.iter().map(|cut| Late { cut: cut.clone(), since, needs }).collect());
    assert!(outbox.has_late());
    let mut cuts = Vec::new();
    // A lane of whose pace nothing is known may be worse, and one that is worse does not help.
    outbox.take(MIB, MIB, None, &mut cuts);
    outbox.take(MIB, MIB, Some(pace(0.1e6)), &mut cuts);
    assert!(cuts.is_empty());
    outbox.acked(&held[0]);
    outbox.take(MIB, MIB, Some(pace(10e6)), &mut cuts);
    assert_eq!(cuts.iter().map(|cut| cut.offset).collect::<Vec<_>>(), [MIB]);
    assert!(!outbox.has_late());
}

#[test]
fn what_is_late_is_nobodys_when_it_has_arrived_or_all_begins_anew() {
    let outbox = outbox(64 * MIB);
    let id = call(&outbox, MIB);
    let held = taken(&outbox, MIB, MIB);
    let late =
        |cut: &Cut| vec![Late { cut: cut.clone(), since: Instant::now(), needs: Duration::from_secs(8) }];
    outbox.late(late(&held[0]));
    outbox.restart(Grant { bytes: 64 * MIB, messages: 100 });
    assert!(!outbox.has_late());
    let held = taken(&outbox, MIB, MIB);
    outbox.late(late(&held[0]));
    outbox.forget(id);
    let mut cuts = Vec::new();
    outbox.take(MIB, MIB, Some(pace(10e6)), &mut cuts);
    assert!(cuts.is_empty() && !outbox.has_late());
}
