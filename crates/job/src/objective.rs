//! What to optimise: `cost`, `time`, or `{cost: 1, time: 0.3}`.

use crate::codes::Code;
use crate::cursor::Cursor;
use crate::model::Objective;
use crate::report::Report;
use crate::yaml::Value;

/// Reads an `objective`.
pub(crate) fn objective(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Objective> {
    match &cursor.node.value {
        Value::Str(_) => match cursor.choice(&["cost", "time"], report)? {
            "time" => Some(Objective::Time),
            _ => Some(Objective::Cost),
        },
        Value::Map(_) => {
            let fields = cursor.fields(&["cost", "time"], report)?;
            let mut weight = |key| match fields.get(key) {
                Some(cursor) => cursor.non_negative(report),
                None => Some(0.0),
            };
            let (cost, time) = (weight("cost"), weight("time"));
            let (cost, time) = (cost?, time?);
            if cost == 0.0 && time == 0.0 {
                let message = "an objective needs a weight that is not zero";
                report.add(cursor.error(Code::InvalidValue, message).expected("`cost`, `time` or both"));
                return None;
            }
            Some(Objective::Weighted { cost, time })
        }
        _ => {
            cursor.wrong_type("`cost`, `time`, or weights such as `{cost: 1, time: 0.3}`", report);
            None
        }
    }
}
