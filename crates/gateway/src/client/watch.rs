//! What goes on beside the calls of an agent: noticing that no way is left, and tuning the lanes of each path.

use crate::client::path::{Lanes, Path};
use crate::client::requests::Requests;
use crate::client::tuner;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use welkin_climb::Climber;
use welkin_store::FailureKind;

/// How often paths are looked at.
const WATCH_PERIOD: Duration = Duration::from_millis(100);

/// Windows in which goodput is measured: long against the beat of acknowledgements, short against a transfer.
const WINDOW: Duration = Duration::from_millis(500);

/// Round trips that a window has at least, so that new lanes are up to speed in the next.
const WINDOW_ROUND_TRIPS: u32 = 6;

/// Returns when there has been no way to the gateway for too long, with what that means.
pub(crate) async fn outage(paths: &[Arc<Path>], patience: Duration) -> (FailureKind, String) {
    let mut ticks = interval(WATCH_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let now = ticks.tick().await;
        let outages: Option<Vec<_>> = paths.iter().map(|path| path.outage()).collect();
        let Some(outages) = outages else { continue };
        let why = || outages.iter().map(|outage| outage.2.as_str()).collect::<Vec<_>>().join("; ");
        if outages.iter().all(|(_, refused, _)| *refused) {
            return (FailureKind::Credentials, why());
        }
        if outages.iter().all(|(since, ..)| now.duration_since(*since) > patience) {
            return (FailureKind::Transient, why());
        }
    }
}

/// Fails what waits for too long, and tunes the number of lanes.
pub(crate) async fn watch(desk: Arc<Requests>, paths: Vec<Arc<Path>>, patience: Duration) {
    let failing = async {
        loop {
            let (kind, why) = outage(&paths, patience).await;
            desk.fail(kind, &why);
        }
    };
    let tuning = futures::future::join_all(paths.iter().map(|path| tune(&desk, path)));
    futures::future::join(failing, tuning).await;
}

/// Measures a path's goodput window by window, and follows what its tuner makes of it.
async fn tune(desk: &Requests, path: &Path) {
    let moved = || path.tally.sent.load(Ordering::Relaxed) + path.tally.received.load(Ordering::Relaxed);
    let tuned = path.options.lanes == Lanes::Tuned;
    // Made when the round trip is known.
    let mut climber: Option<Climber> = None;
    let mut ticks = interval(WATCH_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut since, mut before, mut busy) = (Instant::now(), moved(), true);
    loop {
        let now = ticks.tick().await;
        busy &= desk.is_busy() && !path.is_stalled(now);
        let round_trip = Duration::from_micros(path.tally.round_trip_us.load(Ordering::Relaxed));
        if tuned && climber.is_none() && !round_trip.is_zero() {
            let made = climber.insert(tuner::climber(round_trip));
            path.want(made.lanes());
            (since, before) = (now, moved());
            continue;
        }
        let time = now.duration_since(since);
        if time < WINDOW.max(round_trip * WINDOW_ROUND_TRIPS) {
            continue;
        }
        let total = moved();
        let goodput = (total - before) as f64 / time.as_secs_f64();
        path.note_rate(goodput);
        if let Some(climber) = &mut climber {
            let wanted = climber.window(goodput, busy && total > before);
            if wanted != path.wanted.load(Ordering::Relaxed) {
                path.want(wanted);
            }
        }
        (since, before, busy) = (now, total, true);
    }
}
