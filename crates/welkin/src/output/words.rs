//! Numbers, hardware and places in words, the same in every table.

use welkin_broker::{MissedDeadline, RunView};
use welkin_provider::Location;

/// A count with its noun: `1 offer`, `3 offers`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Thousandths as the shortest decimal: `8`, `0.5`.
pub(crate) fn thousandths(milli: u64) -> String {
    let (whole, rest) = (milli / 1000, milli % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
}

/// An accelerator with its count: `H100:8`.
pub(crate) fn accelerator(name: &str, count_milli: u32) -> String {
    format!("{name}:{}", thousandths(u64::from(count_milli)))
}

/// A place without what it says twice: a zone's name begins with its region's at every large cloud.
pub(crate) fn location_words(location: &Location) -> String {
    match &location.zone {
        Some(zone) if zone.starts_with(&location.region) => format!("{}/{zone}", location.provider),
        _ => location.to_string(),
    }
}

/// What is to be said about deadlines that were missed, one line each.
pub(crate) fn missed_words(run: &RunView) -> Vec<String> {
    let words = |missed: &MissedDeadline| {
        let whose = missed.task.as_ref().map_or("the run".to_owned(), |task| format!("task {task}"));
        let over = match (&missed.task, run.ended) {
            (None, Some(ended)) => format!(": it took {}", ended.since(run.submitted)),
            _ => String::new(),
        };
        format!("DEADLINE MISSED: {} for {whose}{over}", missed.deadline)
    };
    run.missed_deadlines.iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(counted(1, "task"), "1 task");
        assert_eq!(counted(0, "task"), "0 tasks");
        for (milli, text) in [(8000, "8"), (500, "0.5"), (1250, "1.25"), (0, "0")] {
            assert_eq!(thousandths(milli), text);
        }
        assert_eq!(accelerator("H100", 8000), "H100:8");
    }
}
