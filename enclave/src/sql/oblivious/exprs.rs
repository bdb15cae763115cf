//! Expressions of DataFusion as those that are computed obliviously. What there is none of is named.

use super::columns::kind;
use arrow_schema::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use welkin_oblivious::{Arithmetic, Comparison, Expr as Hidden, Kind, of_decimal, of_float, of_int, of_text};

/// Products of decimals whose digits fit together are never too large.
const MOST_DIGITS: u8 = 38;

pub(super) fn expr(expr: &Expr, schema: &DFSchema) -> Result<Hidden, String> {
    let of = |inner: &Expr| self::expr(inner, schema).map(Box::new);
    match expr {
        Expr::Alias(alias) => self::expr(&alias.expr, schema),
        Expr::Column(column) => {
            schema.index_of_column(column).map(Hidden::Column).map_err(|_| format!("the column {column}"))
        }
        Expr::Literal(value, _) => literal(value),
        Expr::Not(inner) => Ok(Hidden::Not(of(inner)?)),
        Expr::IsNull(inner) => Ok(Hidden::IsNull(of(inner)?)),
        Expr::IsNotNull(inner) => Ok(Hidden::Not(Box::new(Hidden::IsNull(of(inner)?)))),
        Expr::BinaryExpr(binary) => self::binary(binary, schema),
        Expr::Between(between) => {
            let (value, low, high) = (of(&between.expr)?, of(&between.low)?, of(&between.high)?);
            let not_below = Hidden::Compare(Comparison::LessOrEqual, low, value.clone());
            let not_above = Hidden::Compare(Comparison::LessOrEqual, value, high);
            let inside = Hidden::And(Box::new(not_below), Box::new(not_above));
            Ok(if between.negated { Hidden::Not(Box::new(inside)) } else { inside })
        }
        Expr::InList(list) => {
            let value = of(&list.expr)?;
            let equal = |other: &Expr| Ok(Hidden::Compare(Comparison::Equal, value.clone(), of(other)?));
            let equals = list.list.iter().map(equal).collect::<Result<Vec<_>, String>>()?;
            let any = equals.into_iter().reduce(|a, b| Hidden::Or(Box::new(a), Box::new(b)));
            let any = any.ok_or_else(|| "an empty list".to_owned())?;
            Ok(if list.negated { Hidden::Not(Box::new(any)) } else { any })
        }
        Expr::Case(case) => {
            let other = match &case.else_expr {
                Some(other) => *of(other)?,
                None => Hidden::Literal(
                    kind(&expr.get_type(schema).map_err(|error| error.strip_backtrace())?)?,
                    None,
                ),
            };
            case.when_then_expr.iter().rev().try_fold(other, |other, (when, then)| {
                let when = match &case.expr {
                    Some(value) => Box::new(Hidden::Compare(Comparison::Equal, of(value)?, of(when)?)),
                    None => of(when)?,
                };
                Ok(Hidden::Case(when, of(then)?, Box::new(other)))
            })
        }
        Expr::Cast(cast) => {
            let from = cast.expr.get_type(schema).map_err(|error| error.strip_backtrace())?;
            self::cast(of(&cast.expr)?, &from, cast.field.data_type())
        }
        Expr::ScalarFunction(function) => Err(format!("the function `{}`", function.name())),
        Expr::Like(_) | Expr::SimilarTo(_) => Err("patterns of text".to_owned()),
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_) => {
            Err("subqueries in expressions".to_owned())
        }
        other => Err(format!("the expression {}", other.variant_name())),
    }
}

fn literal(value: &ScalarValue) -> Result<Hidden, String> {
    let kind = match kind(&value.data_type())? {
        Kind::Text(_) => Kind::text(value.try_as_str().flatten().map_or(0, str::len)),
        other => other,
    };
    if value.is_null() {
        return Ok(Hidden::Literal(kind, None));
    }
    let int = |value: i64| vec![of_int(value)];
    let words = match (value, kind) {
        (ScalarValue::Boolean(Some(value)), _) => vec![u64::from(*value)],
        (ScalarValue::Decimal128(Some(value), ..), _) => of_decimal(*value).to_vec(),
        (ScalarValue::Float64(Some(value)), _) => vec![of_float(*value)],
        (value, Kind::Text(words)) => of_text(value.try_as_str().flatten().unwrap_or_default(), words),
        (ScalarValue::Date32(Some(days)), _) => int(i64::from(*days)),
        (value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(Some(value))) => int(value),
            _ => return Err(format!("the literal {value}")),
        },
    };
    Ok(Hidden::Literal(kind, Some(words)))
}

fn binary(binary: &BinaryExpr, schema: &DFSchema) -> Result<Hidden, String> {
    let of = |inner: &Expr| expr(inner, schema).map(Box::new);
    let (left, right) = (of(&binary.left)?, of(&binary.right)?);
    let compared = |comparison, a, b| Ok(Hidden::Compare(comparison, a, b));
    match binary.op {
        Operator::Eq => compared(Comparison::Equal, left, right),
        Operator::NotEq => compared(Comparison::NotEqual, left, right),
        Operator::Lt => compared(Comparison::Less, left, right),
        Operator::LtEq => compared(Comparison::LessOrEqual, left, right),
        Operator::Gt => compared(Comparison::Less, right, left),
        Operator::GtEq => compared(Comparison::LessOrEqual, right, left),
        Operator::And => Ok(Hidden::And(left, right)),
        Operator::Or => Ok(Hidden::Or(left, right)),
        Operator::Plus => arithmetic(Arithmetic::Plus, binary, (left, right), schema),
        Operator::Minus => arithmetic(Arithmetic::Minus, binary, (left, right), schema),
        Operator::Multiply => arithmetic(Arithmetic::Times, binary, (left, right), schema),
        other => Err(format!("the operator `{other}`")),
    }
}

fn arithmetic(
    operation: Arithmetic,
    binary: &BinaryExpr,
    (left, right): (Box<Hidden>, Box<Hidden>),
    schema: &DFSchema,
) -> Result<Hidden, String> {
    let of = |expr: &Expr| expr.get_type(schema).map_err(|error| error.strip_backtrace());
    let (a, b) = (of(&binary.left)?, of(&binary.right)?);
    match (&a, &b) {
        (DataType::Int64, DataType::Int64) | (DataType::Float64, DataType::Float64) => {
            Ok(Hidden::Arithmetic(operation, left, right))
        }
        (DataType::Decimal128(digits, scale), DataType::Decimal128(others, other)) => {
            let whole = |digits: u8, scale: i8| i16::from(digits) - i16::from(scale);
            let most = match operation {
                Arithmetic::Times => i16::from(*digits) + i16::from(*others),
                _ => whole(*digits, *scale).max(whole(*others, *other)) + i16::from(*scale.max(other)) + 1,
            };
            if most > i16::from(MOST_DIGITS) {
                return Err(format!("decimals that may become too large ({a} {} {b})", binary.op));
            }
            if operation == Arithmetic::Times {
                return Ok(Hidden::Arithmetic(operation, left, right));
            }
            let common = *scale.max(other);
            Ok(Hidden::Arithmetic(operation, scaled(left, *scale, common), scaled(right, *other, common)))
        }
        _ => Err(format!("arithmetic on {a} and {b}")),
    }
}

/// A decimal with more places.
fn scaled(value: Box<Hidden>, from: i8, to: i8) -> Box<Hidden> {
    let more = to - from;
    if more == 0 {
        return value;
    }
    let ten = of_decimal(10_i128.pow(u32::from(more.unsigned_abs())));
    let ten = Hidden::Literal(Kind::Decimal(more), Some(ten.to_vec()));
    Box::new(Hidden::Arithmetic(Arithmetic::Times, value, Box::new(ten)))
}

fn cast(value: Box<Hidden>, from: &DataType, to: &DataType) -> Result<Hidden, String> {
    let refused = || format!("the cast of {from} to {to}");
    match (kind(from)?, kind(to)?) {
        (Kind::Int, Kind::Float) if from.is_integer() => Ok(Hidden::ToFloat(value)),
        (Kind::Int, Kind::Int) if from == to || (from.is_integer() && to == &DataType::Int64) => Ok(*value),
        (Kind::Text(_), Kind::Text(_)) | (Kind::Bool, Kind::Bool) | (Kind::Float, Kind::Float) => Ok(*value),
        (Kind::Decimal(scale), Kind::Decimal(other)) => {
            let fits = |digits: &DataType| match digits {
                DataType::Decimal128(digits, scale) => i16::from(*digits) - i16::from(*scale),
                _ => 0,
            };
            let wider = other >= scale && fits(to) >= fits(from);
            wider.then(|| *scaled(value, scale, other)).ok_or_else(refused)
        }
        _ => Err(refused()),
    }
}
