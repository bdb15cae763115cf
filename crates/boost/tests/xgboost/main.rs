//! XGBoost itself as the judge of what is trained, written, read and predicted here.
//!
//! Where it is not installed the tests print that they did not run; with `WELKIN_REQUIRE_STAND_INS=1` they fail.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]
#![expect(clippy::print_stdout, reason = "tests say why they did not run, and what they measured")]

mod ask;
mod models;
mod quality;
mod ranking;
mod rows;

use serde_json::Value;
use welkin_boost::{Alone, Data, Params, Trained, Training, train};

/// Parameters from a JSON object.
fn params(value: &Value) -> Params {
    let mut params = Params::default();
    params.read(value.to_string().as_bytes()).unwrap();
    params
}

/// Trains with all defaults but `params`.
fn trained(params: &Params, rounds: usize, data: &Data, valid: Option<&Data>) -> Trained {
    let mut watched = vec![("train", data)];
    watched.extend(valid.map(|valid| ("valid", valid)));
    let training =
        Training { params, rounds, data, watched: &watched, patience: None, start: None, workers: &Alone };
    train(&training, &mut |_| true).unwrap()
}

/// The last score of a metric.
fn score(trained: &Trained, of: &str, metric: &str) -> f64 {
    let last = trained.history.last().unwrap();
    last.iter().find(|score| score.of == of && score.metric == metric).unwrap().value
}
