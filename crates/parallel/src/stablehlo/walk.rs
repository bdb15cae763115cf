//! Through the main function, as a machine that knows sizes and no numbers would go.
//!
//! Calls are inlined. A loop is unrolled for as long as its condition follows from what is written into the program, and is one
//! operation that is not known where it does not, or where it would become too long. Of branches that one is taken that is known to be.

use super::error::{Wrong, quoted};
use super::graph::{Draft, Graph, Held};
use super::syntax::{Function, Program, Region, Statement};
use super::table::{self, Call};
use super::types::Types;
use std::collections::{BTreeSet, HashMap};

/// Operations of a model: as many as the tracer of JAX writes.
const MOST_OPERATIONS: usize = 400_000;

/// Statements that are gone through before no more loops are unrolled: those of seventeen transformers with 96 layers. Twice as
/// many are an error.
const MOST_STEPS: usize = 1_000_000;

/// Calls and regions in one another.
const MOST_DEPTH: usize = 64;

/// What changes nothing that a plan is made of.
const SAME: [&str; 6] = [
    "optimization_barrier",
    "sdy.sharding_constraint",
    "sdy.propagation_barrier",
    "sdy.reshard",
    "annotate_device_placement",
    "Sharding",
];

type Scope<'a> = HashMap<&'a str, Vec<Held>>;

/// Why a walk ends early.
#[derive(Debug)]
pub(super) enum Stop {
    Wrong(Wrong),
    /// More operations than a model may have, by the byte at which that was seen.
    Many(usize),
}

impl From<Wrong> for Stop {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl Stop {
    pub(super) fn wrong(self) -> Wrong {
        match self {
            Self::Wrong(wrong) => wrong,
            Self::Many(at) => Wrong::new(
                at,
                format!("with calls inlined the step has more than {MOST_OPERATIONS} operations"),
            ),
        }
    }
}

pub(super) struct Walker<'p, 'a> {
    program: &'p Program<'a>,
    pub(super) graph: Graph,
    /// Names, the innermost last.
    scopes: Vec<Scope<'a>>,
    /// The first scope of the function.
    base: usize,
    depth: usize,
    steps: usize,
    /// Loops that are being unrolled.
    unrolling: usize,
    /// Loops that cannot be, by where they begin.
    rolled: BTreeSet<usize>,
}

impl<'p, 'a> Walker<'p, 'a> {
    pub(super) fn new(program: &'p Program<'a>) -> Self {
        Self {
            program,
            graph: Graph::default(),
            scopes: Vec::new(),
            base: 0,
            depth: 0,
            steps: 0,
            unrolling: 0,
            rolled: BTreeSet::new(),
        }
    }

    fn types(&self) -> &'p Types<'a> {
        &self.program.types
    }

    /// Through a function, from what it is given to what it returns.
    pub(super) fn function(
        &mut self,
        function: &'p Function<'a>,
        given: Vec<Held>,
    ) -> Result<Vec<Held>, Stop> {
        let base = std::mem::replace(&mut self.base, self.scopes.len());
        let names: Vec<&'a str> = function.args.iter().map(|arg| arg.name).collect();
        let made = self.region(&names, &function.body, given);
        self.base = base;
        made
    }

    fn region(
        &mut self,
        names: &[&'a str],
        region: &'p Region<'a>,
        given: Vec<Held>,
    ) -> Result<Vec<Held>, Stop> {
        let at = region.statements.first().map_or(0, |statement| statement.at);
        if self.depth >= MOST_DEPTH {
            return Err(Wrong::new(
                at,
                format!("calls and loops are more than {MOST_DEPTH} deep, or have no end"),
            )
            .into());
        }
        self.depth += 1;
        self.scopes.push(names.iter().copied().zip(given.into_iter().map(|held| vec![held])).collect());
        let made = self.statements(&region.statements);
        self.scopes.pop();
        self.depth -= 1;
        made
    }

    fn statements(&mut self, statements: &'p [Statement<'a>]) -> Result<Vec<Held>, Stop> {
        for statement in statements {
            self.step(statement.at, 1)?;
            if statement.name == "return" {
                return self.args(statement);
            }
            let made = self.statement(statement)?;
            self.define(statement, made)?;
        }
        Ok(Vec::new())
    }

    fn step(&mut self, at: usize, count: usize) -> Result<(), Stop> {
        self.steps += count;
        let most = if self.unrolling > 0 { MOST_STEPS } else { 2 * MOST_STEPS };
        if self.steps > most || self.graph.ops.len() > MOST_OPERATIONS { Err(Stop::Many(at)) } else { Ok(()) }
    }

    fn args(&self, statement: &Statement<'a>) -> Result<Vec<Held>, Stop> {
        statement.operands.iter().map(|(name, which)| self.find(statement, name, *which)).collect()
    }

    fn find(&self, statement: &Statement<'a>, name: &str, which: usize) -> Result<Held, Stop> {
        let found = self.look(name).and_then(|all| all.get(which).copied());
        found.ok_or_else(|| {
            Wrong::new(statement.at, format!("nothing makes `{}` before it is read", quoted(name))).into()
        })
    }

    fn look(&self, name: &str) -> Option<&Vec<Held>> {
        self.scopes[self.base..].iter().rev().find_map(|scope| scope.get(name))
    }

    fn define(&mut self, statement: &Statement<'a>, made: Vec<Held>) -> Result<(), Stop> {
        let wanted: usize = statement.results.iter().map(|(_, count)| *count).sum();
        if made.len() < wanted {
            let what = format!("`{}` makes {} values and not {wanted}", quoted(statement.name), made.len());
            return Err(Wrong::new(statement.at, what).into());
        }
        let mut made = made.into_iter();
        if let Some(scope) = self.scopes.last_mut() {
            for (name, count) in &statement.results {
                scope.insert(name, made.by_ref().take(*count).collect());
            }
        }
        Ok(())
    }

    fn statement(&mut self, statement: &'p Statement<'a>) -> Result<Vec<Held>, Stop> {
        let args = self.args(statement)?;
        let callee = statement.callee;
        match statement.name {
            "call" => self.call(statement, callee, args),
            "composite" => {
                let named = statement.attribute("decomposition").and_then(|text| text.strip_prefix('@'));
                let end = |text: &str| {
                    text.find(|letter: char| !letter.is_ascii_alphanumeric() && !"_.$-".contains(letter))
                };
                let named = named.map(|text| &text[..end(text).unwrap_or(text.len())]);
                self.call(statement, named, args)
            }
            "while" => self.repeated(statement, args),
            "case" | "if" => self.branch(statement, args),
            name if SAME.contains(&name) => Ok(args),
            "custom_call" if callee.is_some_and(|callee| SAME.contains(&callee)) => Ok(args),
            _ => {
                let (types, outs) = (self.types(), &statement.outs);
                let call = Call { statement, args: &args, outs, types, graph: &mut self.graph };
                match table::made(call) {
                    Some(made) => Ok(made),
                    None => self.unknown(statement, args),
                }
            }
        }
    }

    fn call(
        &mut self,
        statement: &'p Statement<'a>,
        callee: Option<&str>,
        args: Vec<Held>,
    ) -> Result<Vec<Held>, Stop> {
        let Some(function) = callee.and_then(|name| self.program.functions.get(name)) else {
            return self.unknown(statement, args);
        };
        if function.args.len() != args.len() {
            let what =
                format!("a function of {} arguments is called with {}", function.args.len(), args.len());
            return Err(Wrong::new(statement.at, what).into());
        }
        self.function(function, args)
    }

    /// A loop, turn by turn; as one operation where that leads nowhere.
    fn repeated(&mut self, statement: &'p Statement<'a>, args: Vec<Held>) -> Result<Vec<Held>, Stop> {
        let known = !self.rolled.contains(&statement.at) && self.steps < MOST_STEPS;
        if let (true, [condition, body]) = (known, &statement.regions[..]) {
            let (mark, scopes, base, depth) = (self.graph.mark(), self.scopes.len(), self.base, self.depth);
            self.unrolling += 1;
            let turned = self.turns(condition, body, &args);
            self.unrolling -= 1;
            match turned {
                Ok(Some(made)) => return Ok(made),
                Err(Stop::Wrong(wrong)) => return Err(wrong.into()),
                Ok(None) | Err(Stop::Many(_)) => {}
            }
            self.graph.back_to(mark);
            self.scopes.truncate(scopes);
            (self.base, self.depth) = (base, depth);
            self.rolled.insert(statement.at);
        }
        self.unknown(statement, args)
    }

    /// Nothing where it is not known how often it turns.
    fn turns(
        &mut self,
        condition: &'p Region<'a>,
        body: &'p Region<'a>,
        args: &[Held],
    ) -> Result<Option<Vec<Held>>, Stop> {
        let mut carried = args.to_vec();
        loop {
            if condition.args.len() != carried.len() || body.args.len() != carried.len() {
                return Ok(None);
            }
            let goes_on = self.region(&condition.args, condition, carried.clone())?;
            match goes_on.first().and_then(|held| held.number()) {
                None => return Ok(None),
                Some(0.0) => return Ok(Some(carried)),
                Some(_) => carried = self.region(&body.args, body, carried)?,
            }
        }
    }

    fn branch(&mut self, statement: &'p Statement<'a>, args: Vec<Held>) -> Result<Vec<Held>, Stop> {
        let last = statement.regions.len().saturating_sub(1);
        let which = args.first().and_then(|held| held.number()).map(|number| match statement.name {
            "if" => usize::from(number == 0.0),
            // What is out of range takes the last one.
            _ => (0..last).find(|place| (*place as f64 - number).abs() < 0.5).unwrap_or(last),
        });
        match which.and_then(|which| statement.regions.get(which)) {
            Some(region) => self.region(&[], region, Vec::new()),
            None => self.unknown(statement, args),
        }
    }

    /// An operation of which only what it reads and makes is known.
    fn unknown(&mut self, statement: &'p Statement<'a>, mut args: Vec<Held>) -> Result<Vec<Held>, Stop> {
        args.extend(self.captured(statement)?);
        let types = self.types();
        let mut draft = Draft { unknown: true, ..Draft::default() };
        for held in args {
            let value = self.graph.whole(held, types);
            if draft.ins.iter().all(|(known, _)| *known != value) || statement.regions.is_empty() {
                draft.ins.push((value, vec![-1; self.graph.shape(value).len()]));
            }
        }
        let mut made = Vec::new();
        for kind in statement.outs.iter().map(|kind| types.get(*kind)) {
            let value = self.graph.new_value(kind);
            draft.outs.push((value, vec![-1; kind.shape.len()]));
            made.push(Held::Value(value));
        }
        let callee = statement.callee.map(|callee| format!(" @{callee}")).unwrap_or_default();
        if !made.is_empty() {
            self.graph.op(&format!("{}{callee}", statement.name), draft);
        }
        Ok(made)
    }

    /// What regions read of what is around them.
    fn captured(&mut self, statement: &'p Statement<'a>) -> Result<Vec<Held>, Stop> {
        let mut names = BTreeSet::new();
        let mut open: Vec<&Region<'a>> = statement.regions.iter().collect();
        while let Some(region) = open.pop() {
            self.step(statement.at, region.statements.len())?;
            for inner in &region.statements {
                names.extend(inner.operands.iter().copied());
                open.extend(&inner.regions);
            }
        }
        let found = |(name, which): &(&str, usize)| self.look(name).and_then(|all| all.get(*which).copied());
        // What regions make themselves is not there yet, and what is written into the program needs no one.
        Ok(names.iter().filter_map(found).filter(|held| !held.written()).collect())
    }
}
