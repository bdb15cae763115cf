//! Expressions over the columns of a row, computed for every row, whether it counts or not.
//!
//! Both branches of a case are computed, and both sides of AND and OR. Nothing here can fail for a value: integers wrap round as they
//! do in ordinary queries, and what could fail (division, parsing) is not here.

use crate::bits::{YES, equal, less, select};
use crate::plan::Unfit;
use crate::table::{Kind, Table, of_decimal, of_float, of_int, place, to_decimal, to_float, to_int, widened};
use std::borrow::Cow;

/// A value of each row.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A column, by its number.
    Column(usize),
    /// The same for every row; without words it has no value.
    Literal(Kind, Option<Vec<u64>>),
    /// Two values of one kind.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Both.
    And(Box<Expr>, Box<Expr>),
    /// One of them.
    Or(Box<Expr>, Box<Expr>),
    /// The opposite.
    Not(Box<Expr>),
    /// Is there no value?
    IsNull(Box<Expr>),
    /// Two numbers of one kind.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// An integer as a floating-point number.
    ToFloat(Box<Expr>),
    /// The second where the first is true, else the third.
    Case(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
}

/// What is done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// The sum.
    Plus,
    /// The difference.
    Minus,
    /// The product; of decimals it has the decimals of both.
    Times,
}

/// Values of an expression, row by row.
pub(crate) struct Values {
    pub(crate) kind: Kind,
    pub(crate) words: Vec<u64>,
    /// Masks.
    pub(crate) nulls: Vec<u64>,
}

impl Expr {
    /// What it is for columns of these kinds.
    pub(crate) fn kind(&self, columns: &[Kind]) -> Result<Kind, Unfit> {
        let unfit = |what: &str| Unfit(format!("{what} of other kinds than it takes"));
        match self {
            Self::Column(number) => {
                columns.get(*number).copied().ok_or_else(|| Unfit(format!("column {number} is not there")))
            }
            Self::Literal(kind, words) => {
                let fits = words.as_ref().is_none_or(|words| words.len() == kind.words());
                fits.then_some(*kind).ok_or_else(|| unfit("a literal"))
            }
            Self::Compare(_, a, b) => {
                let common = a.kind(columns)?.common(b.kind(columns)?);
                common.map(|_| Kind::Bool).ok_or_else(|| unfit("a comparison"))
            }
            Self::And(a, b) | Self::Or(a, b) => {
                let kinds = [a.kind(columns)?, b.kind(columns)?];
                (kinds == [Kind::Bool; 2]).then_some(Kind::Bool).ok_or_else(|| unfit("a condition"))
            }
            Self::Not(a) => match a.kind(columns)? {
                Kind::Bool => Ok(Kind::Bool),
                _ => Err(unfit("a condition")),
            },
            Self::IsNull(a) => a.kind(columns).map(|_| Kind::Bool),
            Self::Arithmetic(operation, a, b) => match (a.kind(columns)?, b.kind(columns)?, operation) {
                (Kind::Int, Kind::Int, _) => Ok(Kind::Int),
                (Kind::Float, Kind::Float, _) => Ok(Kind::Float),
                (Kind::Decimal(a), Kind::Decimal(b), Arithmetic::Times) => Ok(Kind::Decimal(a + b)),
                (Kind::Decimal(a), Kind::Decimal(b), _) if a == b => Ok(Kind::Decimal(a)),
                _ => Err(unfit("arithmetic")),
            },
            Self::ToFloat(a) => match a.kind(columns)? {
                Kind::Int | Kind::Float => Ok(Kind::Float),
                _ => Err(unfit("a floating-point number")),
            },
            Self::Case(when, then, other) => {
                let common = then.kind(columns)?.common(other.kind(columns)?);
                let when = when.kind(columns)? == Kind::Bool;
                common.filter(|_| when).ok_or_else(|| unfit("a case"))
            }
        }
    }

    /// Its value in every row. Kinds fit, as [`Expr::kind`] says.
    pub(crate) fn values(&self, table: &Table) -> Values {
        match self {
            Self::Column(number) => column(table, *number),
            Self::Literal(kind, words) => literal(*kind, words.as_deref(), table.count()),
            Self::Compare(comparison, a, b) => compare(*comparison, &a.values(table), &b.values(table)),
            Self::And(a, b) => both(&a.values(table), &b.values(table)),
            // The opposite of both opposites.
            Self::Or(a, b) => opposite(both(&opposite(a.values(table)), &opposite(b.values(table)))),
            Self::Not(a) => opposite(a.values(table)),
            Self::IsNull(a) => {
                let nulls = a.values(table).nulls;
                let words: Vec<u64> = nulls.iter().map(|null| null & 1).collect();
                Values { kind: Kind::Bool, nulls: vec![0; words.len()], words }
            }
            Self::Arithmetic(operation, a, b) => arithmetic(*operation, &a.values(table), &b.values(table)),
            Self::ToFloat(a) => to_floats(a.values(table)),
            Self::Case(when, then, other) => {
                case(&when.values(table), &then.values(table), &other.values(table))
            }
        }
    }
}

impl Values {
    pub(crate) fn row(&self, row: usize) -> &[u64] {
        let words = self.kind.words();
        &self.words[row * words..][..words]
    }

    /// The values as those of a kind that is at least as wide.
    pub(crate) fn widened(&self, to: Kind) -> Cow<'_, [u64]> {
        if self.kind == to {
            return Cow::Borrowed(&self.words);
        }
        let mut words = Vec::with_capacity(self.nulls.len() * to.words());
        (0..self.nulls.len()).for_each(|row| widened(self.row(row), self.kind, to, &mut words));
        Cow::Owned(words)
    }

    /// That of the last row.
    pub(crate) fn last(&self) -> Self {
        let last = self.nulls.len() - 1;
        Self { kind: self.kind, words: self.row(last).to_vec(), nulls: vec![self.nulls[last]] }
    }

    /// Puts zeros where there is no value.
    pub(crate) fn blank(mut self) -> Self {
        for (words, null) in self.words.chunks_exact_mut(self.kind.words()).zip(&self.nulls) {
            words.iter_mut().for_each(|word| *word &= !null);
        }
        self
    }

    /// Masks of the rows for which a condition is true.
    pub(crate) fn holds(&self) -> impl Iterator<Item = u64> {
        self.words.iter().zip(&self.nulls).map(|(word, null)| crate::bits::mask(*word) & !null)
    }
}

/// A column of a table.
pub(crate) fn column(table: &Table, number: usize) -> Values {
    let place = place(&table.kinds, number);
    let mut words = Vec::with_capacity(table.count() * place.len());
    match place.len() {
        1 => words.extend(table.rows.iter().map(|row| row[place.start])),
        _ => table.rows.iter().for_each(|row| words.extend_from_slice(&row[place.clone()])),
    }
    let null = |row: &[u64]| 0_u64.wrapping_sub(row[0] >> (number + 1) & 1);
    Values { kind: table.kinds[number], words, nulls: table.rows.iter().map(null).collect() }
}

fn literal(kind: Kind, words: Option<&[u64]>, count: usize) -> Values {
    let nulls = vec![if words.is_some() { 0 } else { YES }; count];
    let words = words.map_or_else(|| vec![0; kind.words()], <[u64]>::to_vec);
    Values { kind, words: words.repeat(count), nulls }
}

fn compare(comparison: Comparison, a: &Values, b: &Values) -> Values {
    let common = a.kind.common(b.kind).expect("they were compared before");
    let words = common.words();
    let nulls: Vec<u64> = a.nulls.iter().zip(&b.nulls).map(|(a, b)| a | b).collect();
    let (a, b) = (a.widened(common), b.widened(common));
    let told = a.chunks_exact(words).zip(b.chunks_exact(words)).map(|(a, b)| {
        1 & match comparison {
            Comparison::Equal => equal(a, b),
            Comparison::NotEqual => !equal(a, b),
            Comparison::Less => less(a, b),
            Comparison::LessOrEqual => !less(b, a),
        }
    });
    Values { kind: Kind::Bool, words: told.collect(), nulls }.blank()
}

/// False where one is false, unknown where one is unknown, else true.
fn both(a: &Values, b: &Values) -> Values {
    let (mut words, mut nulls) = (Vec::new(), Vec::new());
    for row in 0..a.nulls.len() {
        let (a, a_null, b, b_null) = (a.words[row], a.nulls[row], b.words[row], b.nulls[row]);
        let falsehood = (!a_null & !a) | (!b_null & !b);
        words.push(a & b);
        nulls.push((a_null | b_null) & !crate::bits::mask(falsehood));
    }
    Values { kind: Kind::Bool, words, nulls }.blank()
}

fn opposite(mut values: Values) -> Values {
    values.words.iter_mut().for_each(|word| *word ^= 1);
    values.blank()
}

fn arithmetic(operation: Arithmetic, a: &Values, b: &Values) -> Values {
    let nulls: Vec<u64> = a.nulls.iter().zip(&b.nulls).map(|(a, b)| a | b).collect();
    let pairs = (0..nulls.len()).map(|row| (a.row(row), b.row(row)));
    let (kind, words): (Kind, Vec<u64>) = match (a.kind, b.kind) {
        (Kind::Decimal(x), Kind::Decimal(y)) => {
            let scale = if operation == Arithmetic::Times { x + y } else { x };
            let words = pairs.flat_map(|(a, b)| {
                let (a, b) = (to_decimal(a), to_decimal(b));
                of_decimal(match operation {
                    Arithmetic::Plus => a.wrapping_add(b),
                    Arithmetic::Minus => a.wrapping_sub(b),
                    Arithmetic::Times => a.wrapping_mul(b),
                })
            });
            (Kind::Decimal(scale), words.collect())
        }
        (Kind::Float, _) => (Kind::Float, pairs.map(|(a, b)| of_float(floats(operation, a, b))).collect()),
        _ => (Kind::Int, pairs.map(|(a, b)| of_int(ints(operation, a, b))).collect()),
    };
    Values { kind, words, nulls }.blank()
}

fn floats(operation: Arithmetic, a: &[u64], b: &[u64]) -> f64 {
    let (a, b) = (to_float(a[0]), to_float(b[0]));
    match operation {
        Arithmetic::Plus => a + b,
        Arithmetic::Minus => a - b,
        Arithmetic::Times => a * b,
    }
}

fn ints(operation: Arithmetic, a: &[u64], b: &[u64]) -> i64 {
    let (a, b) = (to_int(a[0]), to_int(b[0]));
    match operation {
        Arithmetic::Plus => a.wrapping_add(b),
        Arithmetic::Minus => a.wrapping_sub(b),
        Arithmetic::Times => a.wrapping_mul(b),
    }
}

fn to_floats(values: Values) -> Values {
    if values.kind == Kind::Float {
        return values;
    }
    let words = values.words.iter().map(|word| of_float(to_int(*word) as f64)).collect();
    Values { kind: Kind::Float, words, nulls: values.nulls }.blank()
}

fn case(when: &Values, then: &Values, other: &Values) -> Values {
    let kind = then.kind.common(other.kind).expect("they were compared before");
    let (first, second) = (then.widened(kind), other.widened(kind));
    let (mut words, mut nulls) = (Vec::new(), Vec::new());
    let pairs = first.chunks_exact(kind.words()).zip(second.chunks_exact(kind.words()));
    for (row, (holds, (first, second))) in when.holds().zip(pairs).enumerate() {
        words.extend(first.iter().zip(second).map(|(first, second)| select(holds, *first, *second)));
        nulls.push(select(holds, then.nulls[row], other.nulls[row]));
    }
    Values { kind, words, nulls }
}
