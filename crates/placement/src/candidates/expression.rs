//! CEL expressions over an offer: the part of a policy that typed fields cannot say.
//!
//! The offer is the variable `offer` with the fields `provider`, `region`, `zone`, `country`,
//! `jurisdiction`, `instance_type`, `kind`, `vcpus`, `memory_gib`, `arch`, `burstable`,
//! `network_gbps`, `tee` (list of names), `on_demand` and `spot` (dollars an hour, absent as null)
//! and `hw.accel`, a list of `{name, count, mem_gib}`.

use super::work::{self, Effort};
use cel::{Context, Env, Program, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};
use thiserror::Error;
use welkin_catalog::{Arch, Kind, Offer};

/// Longest expression. The parser recurses on nesting; this keeps its stack far from its end.
const MAX_LENGTH: usize = 4_096;
/// Deepest nesting of brackets, for the same reason.
const MAX_DEPTH: usize = 32;

/// An expression that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// It does not parse.
    #[error("the expression `{text}` does not parse: {message}")]
    Syntax {
        /// The expression.
        text: String,
        /// The parser's words.
        message: String,
    },
    /// It is longer or deeper than allowed.
    #[error(
        "the expression is too long or too deep: at most {MAX_LENGTH} bytes and {MAX_DEPTH} nested brackets"
    )]
    TooLarge,
    /// An evaluation of it could take more steps than are allowed.
    #[error(
        "the expression `{text}` could take {steps} steps for one offer, and at most {most} are allowed: \
         walk over fewer or shorter lists"
    )]
    TooMuchWork {
        /// The expression.
        text: String,
        /// Steps that it could take.
        steps: u64,
        /// Most that are allowed.
        most: u64,
    },
    /// All evaluations for one plan together take more steps than are allowed.
    #[error(
        "the expressions of the job take more than {most} steps over all offers: narrow the offers with \
         typed fields first (`infra`, `accelerators`, `cpus`), or write shorter expressions"
    )]
    PlanEffort {
        /// Most that are allowed.
        most: u64,
    },
    /// It uses a variable other than `offer`.
    #[error("the expression `{text}` uses `{variable}`: only `offer` is known")]
    UnknownVariable {
        /// The expression.
        text: String,
        /// The variable.
        variable: String,
    },
    /// It failed on an offer or gave a value of another type.
    #[error("the expression `{text}` failed on {offer}: {message}")]
    Evaluation {
        /// The expression.
        text: String,
        /// The offer.
        offer: String,
        /// What went wrong.
        message: String,
    },
}

/// A compiled expression.
pub(super) struct Expression {
    text: String,
    program: Program,
    /// Most steps that an evaluation takes.
    steps: u64,
}

/// What expressions may call; making it costs more than most evaluations.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Expression {
    pub(super) fn compile(text: &str) -> Result<Self, ExpressionError> {
        let deepest = text.chars().scan(0_usize, |depth, c| {
            match c {
                '(' | '[' | '{' => *depth += 1,
                ')' | ']' | '}' => *depth = depth.saturating_sub(1),
                _ => {}
            }
            Some(*depth)
        });
        // A run of unary operators nests without brackets.
        let operators = text.chars().filter(|c| matches!(c, '!' | '-' | '?')).count();
        if text.len() > MAX_LENGTH || deepest.max().unwrap_or(0) > MAX_DEPTH || operators > MAX_DEPTH {
            return Err(ExpressionError::TooLarge);
        }
        let program = Program::compile(text)
            .map_err(|error| ExpressionError::Syntax { text: text.to_owned(), message: error.to_string() })?;
        match work::steps(program.expression()) {
            None => Err(ExpressionError::TooLarge),
            Some(steps) if steps > work::EVALUATION => {
                Err(ExpressionError::TooMuchWork { text: text.to_owned(), steps, most: work::EVALUATION })
            }
            Some(steps) => Ok(Self { text: text.to_owned(), program, steps }),
        }
    }

    /// Whether the condition holds for an offer.
    pub(super) fn holds(&self, offer: &Offer<'_>, effort: &Effort) -> Result<bool, ExpressionError> {
        match self.evaluate(offer, effort)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(self.failed(offer, format!("its value is {other:?}, expected true or false"))),
        }
    }

    /// The number it gives for an offer.
    #[expect(clippy::cast_precision_loss, reason = "a score")]
    pub(super) fn number(&self, offer: &Offer<'_>, effort: &Effort) -> Result<f64, ExpressionError> {
        let value = match self.evaluate(offer, effort)? {
            Value::Float(number) => number,
            Value::Int(number) => number as f64,
            Value::UInt(number) => number as f64,
            other => return Err(self.failed(offer, format!("its value is {other:?}, expected a number"))),
        };
        if value.is_finite() && value > 0.0 {
            Ok(value)
        } else {
            Err(self.failed(offer, format!("its value is {value}, expected a positive number")))
        }
    }

    fn evaluate(&self, offer: &Offer<'_>, effort: &Effort) -> Result<Value, ExpressionError> {
        effort.charge(self.steps)?;
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.add_variable_from_value("offer", value(offer));
        self.program.execute(&context).map_err(|error| match error {
            cel::ExecutionError::UndeclaredReference(variable) => {
                ExpressionError::UnknownVariable { text: self.text.clone(), variable: variable.to_string() }
            }
            other => self.failed(offer, other.to_string()),
        })
    }

    fn failed(&self, offer: &Offer<'_>, message: String) -> ExpressionError {
        let offer = format!("{}/{} {}", offer.place.provider, offer.place.region, offer.instance_type);
        ExpressionError::Evaluation { text: self.text.clone(), offer, message }
    }
}

fn map(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let fields: HashMap<String, Value> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Value::from(fields)
}

#[expect(clippy::cast_precision_loss, reason = "for comparisons people write by hand")]
pub(super) fn value(offer: &Offer<'_>) -> Value {
    let gib = |bytes: welkin_units::Bytes| Value::Float(bytes.get() as f64 / f64::from(1_u32 << 30));
    let milli = |amount: u32| Value::Float(f64::from(amount) / 1000.0);
    let dollars =
        |price: Option<welkin_units::Usd>| price.map_or(Value::Null, |price| Value::Float(price.dollars()));
    let accelerators: Vec<Value> = offer
        .accelerator
        .iter()
        .map(|accelerator| {
            map([
                ("name", Value::from(accelerator.name)),
                ("count", milli(accelerator.count_milli)),
                ("mem_gib", gib(accelerator.memory)),
            ])
        })
        .collect();
    map([
        ("provider", Value::from(offer.place.provider)),
        ("region", Value::from(offer.place.region)),
        ("zone", offer.zone.map_or(Value::Null, Value::from)),
        ("country", Value::from(offer.place.country)),
        ("jurisdiction", Value::from(offer.place.jurisdiction)),
        ("instance_type", Value::from(offer.instance_type)),
        ("kind", Value::from(if offer.kind == Kind::Tpu { "tpu" } else { "vm" })),
        ("vcpus", milli(offer.vcpus_milli)),
        ("memory_gib", gib(offer.memory)),
        (
            "arch",
            Value::from(match offer.arch {
                Arch::X86_64 => "x86_64",
                Arch::Arm64 => "arm64",
                Arch::Unknown => "",
            }),
        ),
        ("burstable", Value::Bool(offer.burstable)),
        ("network_gbps", Value::Float(offer.network.get() as f64 / 1e9)),
        ("tee", Value::from(offer.tee.names().map(Value::from).collect::<Vec<_>>())),
        ("on_demand", dollars(offer.on_demand)),
        ("spot", dollars(offer.spot)),
        ("hw", map([("accel", Value::from(accelerators))])),
    ])
}
