//! Steps that look at one row at a time and have a value for every row.
//!
//! What stands below an aggregate with noise may neither bring rows of different persons together nor fail: that a query failed is seen by
//! everybody, and one row could make it fail. So there are filters, columns, unions, and expressions that are known to have a value
//! whatever is in the row, or none. That goes for what is the same for all rows too: a branch of CASE is computed where a row takes it, and one that
//! cannot be computed tells that there was such a row. And nothing makes texts longer: as often doubled as a query can, one would fill the memory.

use arrow_schema::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result as Read};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};

/// Functions that have a value, or none, for every row.
const TOTAL: &[&str] = &[
    "btrim",
    "character_length",
    "coalesce",
    "contains",
    "ends_with",
    "greatest",
    "least",
    "lower",
    "ltrim",
    "nullif",
    "rtrim",
    "starts_with",
    "upper",
];

/// Parts of dates that there are.
const PARTS: &[&str] = &["year", "quarter", "month", "week", "day", "dow", "doy", "hour", "minute", "second"];

/// Longer patterns may be more than their matcher takes.
const MOST_PATTERN: usize = 256;

/// Is everything below of this kind? What is not is named.
pub(super) fn check(plan: &LogicalPlan) -> Result<(), String> {
    match plan {
        LogicalPlan::TableScan(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Union(_) => {}
        LogicalPlan::Join(_) => {
            return Err("below an aggregate rows are joined, and one person's could meet many".to_owned());
        }
        other => return Err(format!("there is no noise for the step {} below an aggregate", name(other))),
    }
    let schema: DFSchemaRef = match (plan.inputs().first(), plan) {
        (Some(input), _) => input.schema().clone(),
        (None, plan) => plan.schema().clone(),
    };
    for expr in plan.expressions() {
        total(&expr, &schema)?;
    }
    plan.inputs().into_iter().try_for_each(check)
}

/// What a step is called.
pub(super) fn name(plan: &LogicalPlan) -> String {
    let shown = plan.display().to_string();
    format!("`{}`", shown.split([':', ' ']).next().unwrap_or_default())
}

fn total(expr: &Expr, schema: &DFSchema) -> Result<(), String> {
    let mut refused = None;
    let walked = expr.apply(|expr| {
        if is_total(expr, schema)? {
            return Ok(TreeNodeRecursion::Continue);
        }
        refused = Some(match expr {
            Expr::ScalarFunction(function) => format!("the function `{}`", function.name()),
            Expr::Cast(_) => format!("`{expr}`, where TRY_CAST would"),
            other => format!("`{other}`"),
        });
        Ok(TreeNodeRecursion::Stop)
    });
    walked.map_err(|error: DataFusionError| error.strip_backtrace())?;
    refused.map_or(Ok(()), |what| {
        Err(format!("below an aggregate every expression has to have a value whatever is in the row: {what} is not known to"))
    })
}

fn is_total(expr: &Expr, schema: &DFSchema) -> Read<bool> {
    Ok(match expr {
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::Not(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::Between(_)
        | Expr::InList(_)
        | Expr::Case(_) => true,
        Expr::TryCast(cast) => is_plain(&cast.expr.get_type(schema)?) && is_plain(cast.field.data_type()),
        Expr::Like(like) => literal(&like.pattern).is_some_and(|pattern| pattern.len() <= MOST_PATTERN),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::And
            | Operator::Or
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom => true,
            // Integers wrap around, and decimals and dates do not.
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                let wraps = |kind: &DataType| kind.is_integer() || kind.is_floating();
                wraps(&left.get_type(schema)?) && wraps(&right.get_type(schema)?)
            }
            Operator::Divide => left.get_type(schema)?.is_floating() && right.get_type(schema)?.is_floating(),
            _ => false,
        },
        Expr::Cast(cast) => always_fits(&cast.expr.get_type(schema)?, cast.field.data_type()),
        Expr::ScalarFunction(function) => match (function.name(), &function.args[..]) {
            // Decimals may become too large for their digits.
            ("ceil" | "floor", [value]) => value.get_type(schema)?.is_floating(),
            ("date_part", [part, date]) => {
                let known = literal(part).is_some_and(|part| PARTS.contains(&part.to_lowercase().as_str()));
                known && matches!(date.get_type(schema)?, DataType::Date32 | DataType::Timestamp(_, None))
            }
            (name, _) => TOTAL.contains(&name),
        },
        _ => false,
    })
}

/// A text that stands in the query, under whatever casts between kinds of texts the planner put around it.
fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(text, _) => text.try_as_str().flatten(),
        Expr::Cast(cast) if cast.field.data_type().is_string() => literal(&cast.expr),
        _ => None,
    }
}

/// Types that are turned into one another, or into no value.
fn is_plain(kind: &DataType) -> bool {
    use DataType::{Boolean, Date32, Decimal128, Float32, Float64, LargeUtf8, Utf8, Utf8View};
    kind.is_integer()
        || matches!(kind, Boolean | Date32 | Decimal128(..) | Float32 | Float64 | LargeUtf8 | Utf8 | Utf8View)
}

fn always_fits(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Date32, Float32, Float64, LargeUtf8, Utf8, Utf8View};
    let text = |kind: &DataType| matches!(kind, Utf8 | LargeUtf8 | Utf8View);
    let bits = |kind: &DataType| kind.primitive_width().map_or(0, |bytes| 8 * bytes);
    match (from, to) {
        (from, to) if from == to => true,
        (DataType::Null, _) => true,
        (from, to) if text(from) && text(to) => true,
        (Boolean | Date32, to) if text(to) => true,
        (from, to) if from.is_integer() && (text(to) || matches!(to, Float32 | Float64)) => true,
        (Float32, Float64) => true,
        (from, to) if from.is_signed_integer() && to.is_signed_integer() => bits(to) >= bits(from),
        (from, to) if from.is_unsigned_integer() && to.is_integer() => bits(to) > bits(from),
        (from, DataType::Decimal128(digits, 0)) if from.is_integer() => *digits >= 20,
        (DataType::Decimal128(digits, scale), DataType::Decimal128(to_digits, to_scale)) => {
            let whole = |digits: &u8, scale: &i8| i16::from(*digits) - i16::from(*scale);
            to_scale >= scale && whole(to_digits, to_scale) >= whole(digits, scale)
        }
        (DataType::Decimal128(..), Float64) => true,
        _ => false,
    }
}
