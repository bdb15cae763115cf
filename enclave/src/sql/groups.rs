//! The smallest group that a result may tell of.

use super::error::SqlError;
use datafusion::logical_expr::LogicalPlan;

pub(super) fn enforce(plan: LogicalPlan, least: u64) -> Result<LogicalPlan, SqlError> {
    if least <= 1 {
        return Ok(plan);
    }
    Err(SqlError::Groups("this engine cannot see to that yet".to_owned(), least))
}
