//! What is done with tables, one step after the other.

use crate::expr::Expr;
use crate::group::{self, Call};
use crate::pack::Layout;
use crate::table::{Kind, MOST_COLUMNS, Table, place, widened, width};
use crate::{compact, join};
use std::borrow::Cow;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// A table, by its number.
    Scan(usize),
    /// Rows for which a condition is true.
    Filter(Box<Plan>, Expr),
    /// Other columns.
    Project(Box<Plan>, Vec<Expr>),
    /// A row for each group of rows that have the same in these columns.
    Group(Box<Plan>, Vec<usize>, Vec<Call>),
    /// Each row of the first with the one of the second that has its key.
    Join {
        /// Rows that have the key of another.
        left: Box<Plan>,
        /// Rows that have a key of their own, each once.
        right: Box<Plan>,
        /// Columns that are equal.
        on: Vec<(usize, usize)>,
        /// Do rows count that find none?
        outer: bool,
    },
    /// Rows in an order.
    Sort(Box<Plan>, Vec<SortKey>),
    /// Rows from one on, and no more than so many.
    Limit(Box<Plan>, usize, Option<usize>),
    /// Rows of all.
    Union(Vec<Plan>),
}

/// A column that rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    /// Its number.
    pub column: usize,
    /// The greatest first?
    pub descending: bool,
    /// Those without a value first?
    pub nulls_first: bool,
}

/// A plan that does not fit to its tables, or to itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has {0}")]
pub struct Unfit(pub String);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It was never run.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It was run to its end, and the answer is of no use.
    #[error("the right side of a join has a key twice")]
    Twice,
}

impl Plan {
    /// What the columns of its answer are, if it fits to tables of these.
    ///
    /// # Errors
    /// Where it does not.
    pub fn kinds(&self, tables: &[Vec<Kind>]) -> Result<Vec<Kind>, Unfit> {
        let kinds = match self {
            Self::Scan(number) => {
                tables.get(*number).cloned().ok_or_else(|| Unfit(format!("no table {number}")))?
            }
            Self::Filter(input, condition) => {
                let kinds = input.kinds(tables)?;
                match condition.kind(&kinds)? {
                    Kind::Bool => kinds,
                    _ => return Err(Unfit("a condition that is none".into())),
                }
            }
            Self::Project(input, exprs) => {
                let kinds = input.kinds(tables)?;
                exprs.iter().map(|expr| expr.kind(&kinds)).collect::<Result<_, _>>()?
            }
            Self::Group(input, keys, calls) => group::kinds(&input.kinds(tables)?, keys, calls)?,
            Self::Join { left, right, on, .. } => {
                join::kinds(&left.kinds(tables)?, &right.kinds(tables)?, on)?
            }
            Self::Sort(input, keys) => {
                let kinds = input.kinds(tables)?;
                let there = keys.iter().all(|key| key.column < kinds.len());
                there
                    .then_some(kinds)
                    .ok_or_else(|| Unfit("an order by a column that is not there".into()))?
            }
            Self::Limit(input, ..) => input.kinds(tables)?,
            Self::Union(inputs) => together(inputs, tables)?,
        };
        if kinds.len() > MOST_COLUMNS {
            return Err(Unfit(format!("more than {MOST_COLUMNS} columns in a step")));
        }
        Ok(kinds)
    }

    /// How much memory it takes at most for tables of so many rows, in bytes: a step has its input, its rows as they are packed and
    /// as they are sorted, and its answer.
    ///
    /// # Errors
    /// Where it does not fit.
    pub fn memory(&self, tables: &[(Vec<Kind>, usize)]) -> Result<u64, Unfit> {
        let kinds: Vec<Vec<Kind>> = tables.iter().map(|(kinds, _)| kinds.clone()).collect();
        Ok(self.size(&kinds, tables)?.1)
    }

    /// Rows of its answer, and the most memory on the way.
    fn size(&self, kinds: &[Vec<Kind>], tables: &[(Vec<Kind>, usize)]) -> Result<(u64, u64), Unfit> {
        let inputs = self.inputs();
        let sizes = inputs.iter().map(|input| input.size(kinds, tables)).collect::<Result<Vec<_>, _>>()?;
        let rows: u64 = match self {
            Self::Scan(number) => tables.get(*number).map_or(0, |(_, count)| *count as u64),
            _ => sizes.iter().map(|(rows, _)| rows).sum(),
        };
        let mut widths = width(&self.kinds(kinds)?);
        for input in &inputs {
            // Packed rows take a tenth and two words more than the input's, and as they are sorted up to a half more than that. Then
            // there are two such rows, or one and a column; and a word each for what is known of a row.
            widths += 4 * width(&input.kinds(kinds)?) + 8;
        }
        let here = rows.saturating_mul(8 * widths as u64);
        let on_the_way =
            sizes.iter().map(|(_, memory)| memory).fold(here, |all, one| all.saturating_add(*one));
        Ok((rows, on_the_way))
    }

    fn inputs(&self) -> Vec<&Plan> {
        match self {
            Self::Scan(_) => Vec::new(),
            Self::Filter(input, _)
            | Self::Project(input, _)
            | Self::Group(input, ..)
            | Self::Sort(input, _)
            | Self::Limit(input, ..) => vec![input],
            Self::Join { left, right, .. } => vec![left, right],
            Self::Union(inputs) => inputs.iter().collect(),
        }
    }

    /// Its answer. Only now is it told how many rows count.
    ///
    /// # Errors
    /// Where it does not fit, or a join's right side has a key twice, which is told only after everything was done.
    pub fn run(&self, tables: &[Table]) -> Result<Table, Failure> {
        let kinds: Vec<Vec<Kind>> = tables.iter().map(|table| table.kinds.clone()).collect();
        self.kinds(&kinds)?;
        let mut twice = 0;
        let mut table = self.step(tables, &mut twice).into_owned();
        if !self.in_front() {
            compact(&mut table.rows);
        }
        let real = table.real();
        table.rows.truncate(real);
        if twice == 0 { Ok(table) } else { Err(Failure::Twice) }
    }

    /// Are rows that count in front of all others, whatever they are?
    fn in_front(&self) -> bool {
        match self {
            Self::Scan(_) | Self::Sort(..) | Self::Join { .. } | Self::Limit(..) => true,
            Self::Project(input, _) => input.in_front(),
            Self::Group(_, keys, _) => keys.is_empty(),
            Self::Filter(..) | Self::Union(_) => false,
        }
    }

    fn step<'a>(&self, tables: &'a [Table], twice: &mut u64) -> Cow<'a, Table> {
        Cow::Owned(match self {
            Self::Scan(number) => return Cow::Borrowed(&tables[*number]),
            Self::Filter(input, condition) => filter(input.step(tables, twice).into_owned(), condition),
            Self::Project(input, exprs) => project(&input.step(tables, twice), exprs),
            Self::Group(input, keys, calls) => group::groups(&input.step(tables, twice), keys, calls),
            Self::Join { left, right, on, outer } => {
                let (left, right) = (left.step(tables, twice), right.step(tables, twice));
                let (joined, again) = join::join(&left, &right, on, *outer);
                *twice |= again;
                joined
            }
            Self::Sort(input, keys) => ordered(&input.step(tables, twice), keys),
            Self::Limit(input, skip, fetch) => {
                let mut table = input.step(tables, twice).into_owned();
                if !input.in_front() {
                    compact(&mut table.rows);
                }
                limit(table, *skip, *fetch)
            }
            Self::Union(inputs) => {
                union(&inputs.iter().map(|input| input.step(tables, twice)).collect::<Vec<_>>())
            }
        })
    }
}

fn together(inputs: &[Plan], tables: &[Vec<Kind>]) -> Result<Vec<Kind>, Unfit> {
    let unfit = || Unfit("a union of tables that differ".into());
    let mut all = inputs.iter().map(|input| input.kinds(tables));
    let first = all.next().ok_or_else(unfit)??;
    all.try_fold(first, |common, kinds| {
        let kinds = kinds?;
        let pairs = common.iter().zip(&kinds).map(|(a, b)| a.common(*b).ok_or_else(unfit));
        if kinds.len() == common.len() { pairs.collect() } else { Err(unfit()) }
    })
}

fn filter(mut table: Table, condition: &Expr) -> Table {
    let holds = condition.values(&table);
    for (number, holds) in holds.holds().enumerate() {
        table.rows.row_mut(number)[0] &= holds | !1;
    }
    table
}

fn project(table: &Table, exprs: &[Expr]) -> Table {
    let columns: Vec<_> = exprs.iter().map(|expr| expr.values(table)).collect();
    let kinds: Vec<Kind> = columns.iter().map(|values| values.kind).collect();
    let mut projected = Table::empty(kinds, table.count());
    for (number, row) in table.rows.iter().enumerate() {
        let to = projected.rows.row_mut(number);
        to[0] = row[0] & 1;
        let mut at = 1;
        for (column, values) in columns.iter().enumerate() {
            let words = values.kind.words();
            to[0] |= values.nulls[number] & (2 << column);
            to[at..at + words].copy_from_slice(&values.words[number * words..][..words]);
            at += words;
        }
    }
    projected
}

fn ordered(table: &Table, keys: &[SortKey]) -> Table {
    let all: Vec<usize> = (0..table.kinds.len()).collect();
    let layout = Layout::ordered(&table.kinds, keys, &all, table.count());
    let packed = layout.sorted(&table.rows);
    let mut ordered = Table::empty(table.kinds.clone(), table.count());
    layout.unpack(&packed, &mut ordered.rows, (0, 0));
    ordered
}

/// Of rows of which those that count are in front.
fn limit(mut table: Table, skip: usize, fetch: Option<usize>) -> Table {
    let end = fetch.map_or(table.count(), |fetch| skip.saturating_add(fetch).min(table.count()));
    table.rows.truncate(end);
    table.rows.skip(skip.min(end));
    table
}

fn union(tables: &[Cow<'_, Table>]) -> Table {
    let mut kinds = tables[0].kinds.clone();
    for table in tables {
        kinds = kinds.iter().zip(&table.kinds).map(|(a, b)| a.common(*b).expect("it was asked")).collect();
    }
    let mut all = Table::empty(kinds, tables.iter().map(|table| table.count()).sum());
    let rows = tables.iter().flat_map(|table| table.rows.iter().map(|row| (&table.kinds, row)));
    for (number, (from, row)) in rows.enumerate() {
        let mut words = vec![row[0]];
        for (column, kind) in all.kinds.iter().enumerate() {
            widened(&row[place(from, column)], from[column], *kind, &mut words);
        }
        all.rows.row_mut(number).copy_from_slice(&words);
    }
    all
}
