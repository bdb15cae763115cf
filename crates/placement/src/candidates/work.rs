//! How much work an expression can be, known before it is evaluated.
//!
//! 1. Every value has an [`Extent`]: the most entries of any list or map in it, and its weight.
//! 2. Walking the expression once adds up its steps: one for each part that is evaluated, one more for each
//!    [`COPIED`] of weight that it copies or compares, and the body of a macro as often as what it walks
//!    over has entries.
//! 3. An expression that could pass [`EVALUATION`] is refused when it is read, and each evaluation is
//!    charged against the [`Effort`] that its plan may spend.
//!
//! The bound holds for every offer: CEL has no loop besides its macros, and they walk over values that exist.
//!
//! *Rejected:* counting while it is evaluated, since `all` and `exists` go on after a failure, as the
//! language wants, and so nothing ends them; and a clock, since one job would have a plan on an idle machine
//! and none on a busy one.

use super::expression::ExpressionError;
use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use std::cell::Cell;

/// Most steps of one evaluation. Looking through two lists of an offer for each entry of the other is
/// some 2,000; a step is some 0.1 µs.
pub(super) const EVALUATION: u64 = 5_000;
/// Most steps of all evaluations for one plan: some ten seconds. 50 tasks with conditions of their own of 20
/// parts, over 50,000 offers each, are 130 million at the most that could be counted, and half of that as a rule.
const PLAN: u64 = 200_000_000;
/// Deepest nesting of parts: evaluation recurses, a kilobyte or two a level.
const MAX_DEPTH: usize = 100;
/// Weight that is copied or compared in one step.
const COPIED: u64 = 16;
/// What an offer is at most: 16 fields, lists that are shorter than that, and names of some dozen bytes each.
const OFFER: Extent = Extent { length: 16, weight: 1_024 };
/// What one of its fields is: one accelerator with three fields, or as many environments as there are kinds of.
const FIELD: Extent = Extent { length: 0, weight: 128 };
const HARDWARE: Extent = Extent { length: 3, weight: 256 };
const ENVIRONMENTS: Extent = Extent { length: 8, weight: 128 };
/// Steps for making the offer's value.
const MAKING: u64 = 32;
/// Most characters of a number as text: the largest double has 309 digits.
const NUMBER: u64 = 330;

/// Operators and functions whose value is a truth or a number, whatever they are given.
const SCALARS: [&str; 19] = [
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::NOT_STRICTLY_FALSE,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::IN,
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "uint",
    "double",
    "bool",
];

/// How large a value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    /// Entries of the longest list or map in it.
    length: u64,
    /// Its entries and bytes.
    weight: u64,
}

impl Extent {
    const SCALAR: Self = Self { length: 0, weight: 1 };

    fn and(self, other: Self) -> Self {
        Self {
            length: self.length.saturating_add(other.length),
            weight: self.weight.saturating_add(other.weight),
        }
    }

    fn or(self, other: Self) -> Self {
        Self { length: self.length.max(other.length), weight: self.weight.max(other.weight) }
    }
}

/// What the evaluations of one plan may still spend.
#[derive(Debug)]
pub(crate) struct Effort {
    left: Cell<u64>,
}

impl Default for Effort {
    fn default() -> Self {
        Self { left: Cell::new(PLAN) }
    }
}

impl Effort {
    /// Pays for an evaluation of so many steps.
    pub(super) fn charge(&self, steps: u64) -> Result<(), ExpressionError> {
        let left = self.left.get().checked_sub(steps).ok_or(ExpressionError::PlanEffort { most: PLAN })?;
        self.left.set(left);
        Ok(())
    }
}

/// Most steps that an evaluation can take; none when parts nest too deep.
pub(super) fn steps(expression: &IdedExpr) -> Option<u64> {
    let mut walk = Walk { steps: MAKING, depth: 0, names: vec![("offer", OFFER)] };
    walk.part(expression)?;
    Some(walk.steps)
}

/// A walk over an expression.
struct Walk<'e> {
    steps: u64,
    depth: usize,
    /// Variables in scope, the innermost last.
    names: Vec<(&'e str, Extent)>,
}

impl<'e> Walk<'e> {
    fn part(&mut self, part: &'e IdedExpr) -> Option<Extent> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.spend(1);
        let extent = match &part.expr {
            Expr::Unspecified => Extent::SCALAR,
            Expr::Literal(literal) => Self::literal(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                // Deep in it may be the longest list that it has, and all its weight.
                let operand = self.part(&select.operand)?;
                if self.is_offer(&select.operand.expr) { field(&select.field) } else { operand }
            }
            Expr::List(list) => self.entries(list.elements.iter().map(|element| [None, Some(element)]))?,
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| parts(&entry.expr)))?,
            Expr::Struct(fields) => self.entries(fields.entries.iter().map(|entry| parts(&entry.expr)))?,
            Expr::Call(call) => self.call(call)?,
            Expr::Comprehension(macro_) => self.comprehension(macro_)?,
        };
        self.depth -= 1;
        Some(extent)
    }

    fn call(&mut self, call: &'e CallExpr) -> Option<Extent> {
        let mut extents = Vec::with_capacity(call.args.len() + 1);
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            extents.push(self.part(argument)?);
        }
        let all = extents.iter().copied().fold(Extent::SCALAR, Extent::and);
        self.spend(all.weight / COPIED);
        Some(match (call.func_name.as_str(), extents.as_slice()) {
            (name, _) if SCALARS.contains(&name) => Extent::SCALAR,
            (operators::CONDITIONAL, [_, yes, no]) => yes.or(*no),
            (operators::INDEX, [indexed, _]) => *indexed,
            ("string", _) => all.and(Extent { length: 0, weight: NUMBER }),
            _ => all,
        })
    }

    fn literal(literal: &LiteralValue) -> Extent {
        let bytes = match literal {
            LiteralValue::String(text) => text.inner().len(),
            LiteralValue::Bytes(bytes) => bytes.inner().len(),
            _ => 0,
        };
        Extent::SCALAR.and(Extent { length: 0, weight: bytes as u64 })
    }

    fn variable(&self, name: &str) -> Extent {
        let known = self.names.iter().rev().find(|(known, _)| *known == name);
        known.map_or(Extent::SCALAR, |(_, extent)| *extent)
    }

    /// Whether it is the offer, and no variable of a macro that has taken its name.
    fn is_offer(&self, part: &Expr) -> bool {
        matches!(part, Expr::Ident(name) if name == "offer")
            && self.names.iter().rposition(|(name, _)| *name == "offer") == Some(0)
    }

    /// A list, a map or a record of parts.
    fn entries(&mut self, entries: impl Iterator<Item = [Option<&'e IdedExpr>; 2]>) -> Option<Extent> {
        let (mut all, mut count) = (Extent::SCALAR, 0);
        for entry in entries {
            count += 1;
            for part in entry.into_iter().flatten() {
                let extent = self.part(part)?;
                all = Extent {
                    length: all.length.max(extent.length),
                    weight: all.weight.saturating_add(extent.weight),
                };
            }
        }
        self.spend(all.weight / COPIED);
        Some(Extent { length: all.length.max(count), weight: all.weight })
    }

    /// A macro: each entry of what it walks over takes a copy of the entry, its condition and its step.
    fn comprehension(&mut self, macro_: &'e ComprehensionExpr) -> Option<Extent> {
        let first = self.part(&macro_.accu_init)?;
        let over = self.part(&macro_.iter_range)?;
        let before = std::mem::replace(&mut self.steps, 1 + over.weight / COPIED);
        let outside = self.names.len();
        self.names.extend(macro_.iter_var2.as_deref().map(|name| (name, over)));
        self.names.extend([(macro_.iter_var.as_str(), over), (macro_.accu_var.as_str(), first)]);
        self.part(&macro_.loop_cond)?;
        let second = self.part(&macro_.loop_step)?;
        // What it gathers grows by as much each time, and is walked over once more at the end.
        let growth = |first: u64, second: u64| {
            first.saturating_add(second.saturating_sub(first).saturating_mul(over.length))
        };
        let last = first.or(Extent {
            length: growth(first.length, second.length),
            weight: growth(first.weight, second.weight),
        });
        self.steps = before.saturating_add(self.steps.saturating_mul(over.length));
        self.spend(last.weight / COPIED);
        self.names.truncate(outside);
        self.names.push((macro_.accu_var.as_str(), last));
        let result = self.part(&macro_.result);
        self.names.truncate(outside);
        result
    }

    fn spend(&mut self, steps: u64) {
        self.steps = self.steps.saturating_add(steps);
    }
}

/// A field of an offer.
fn field(name: &str) -> Extent {
    match name {
        "hw" => HARDWARE,
        "tee" => ENVIRONMENTS,
        _ => FIELD,
    }
}

/// Key and value of an entry of a map, or the value of a field.
fn parts(entry: &EntryExpr) -> [Option<&IdedExpr>; 2] {
    match entry {
        EntryExpr::MapEntry(entry) => [Some(&entry.key), Some(&entry.value)],
        EntryExpr::StructField(field) => [None, Some(&field.value)],
    }
}

#[cfg(test)]
mod tests;
