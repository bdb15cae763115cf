//! How many lanes a path has: the habits of [`welkin_climb`] for one.

use crate::client::path::{MAX_LANES, MIN_LANES};
use std::time::Duration;
use welkin_climb::{Climber, Habits};

/// A lane at the start for so much of a round trip. Where one packet in a thousand is lost, a lane carries some
/// forty packets a round trip whatever the path could, which over 80 ms is 6 Mbit/s, and 64 lanes 400. Its first
/// seconds, before anything was lost, say too much of it for climbing from few lanes to find that out soon.
const START_EACH: Duration = Duration::from_micros(1250);

/// A climber for a path whose round trip is known from its first lanes.
pub(crate) fn climber(round_trip: Duration) -> Climber {
    let lanes = usize::try_from(round_trip.as_micros() / START_EACH.as_micros()).unwrap_or(MAX_LANES);
    let start = lanes.clamp(MIN_LANES, MAX_LANES);
    Climber::new(Habits { least: MIN_LANES, start, most: MAX_LANES, misses: 2, looks_again: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_begin_with_many_lanes_and_short_ones_with_few() {
        for (millis, lanes) in [(0, MIN_LANES), (1, MIN_LANES), (20, 16), (80, MAX_LANES), (600, MAX_LANES)] {
            assert_eq!(climber(Duration::from_millis(millis)).lanes(), lanes, "{millis} ms");
        }
    }
}
