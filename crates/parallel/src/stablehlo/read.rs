//! From bytes to a model.

use super::attributes::after;
use super::error::{StableHloError, Wrong};
use super::graph::Held;
use super::roles::{StateFrom, becomes};
use super::syntax::{Arg, Program};
use super::walk::Walker;
use crate::model::wire::{Document, Output, Role, SCHEMA};
use crate::model::{MOST_MODEL_BYTES, Model};
use std::collections::BTreeMap;

/// What MLIR's bytecode begins with.
const BYTECODE: &[u8] = b"ML\xefR";

impl Model {
    /// Reads StableHLO text. `state` says how many first arguments are what the step returns anew as its first results; where it is
    /// nothing the text decides.
    ///
    /// # Errors
    /// When it is too large, no StableHLO text, or says what cannot be: the message names the line.
    pub fn read_stablehlo(bytes: &[u8], state: Option<usize>) -> Result<(Self, StateFrom), StableHloError> {
        let count = bytes.len() as u64;
        if count > MOST_MODEL_BYTES {
            return Err(StableHloError::TooLarge { bytes: count });
        }
        if bytes.starts_with(BYTECODE) {
            return Err(StableHloError::Bytecode);
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| StableHloError::NotText(error.valid_up_to()))?;
        let program = Program::read(text).map_err(|wrong| wrong.of(text))?;
        let main = program.main().ok_or(StableHloError::NoFunction)?;
        let (becomes, from) = becomes(main, &program.types, state)?;
        let mut walker = Walker::new(&program);
        let mut given = Vec::with_capacity(main.args.len());
        for (arg, becomes) in main.args.iter().zip(&becomes) {
            let role = if becomes.is_some() { Role::State } else { Role::Data };
            given.push(Held::Value(walker.graph.input(program.types.get(arg.kind), Some(name(arg)), role)));
        }
        let made = walker.function(main, given).map_err(|stop| stop.wrong().of(text))?;
        if made.len() != main.results.len() {
            let at = main.body.statements.last().map_or(0, |statement| statement.at);
            let what = format!("{} results are returned, and there are {}", made.len(), main.results.len());
            return Err(Wrong::new(at, what).of(text));
        }
        let takes: BTreeMap<usize, u32> =
            (0..).zip(&becomes).filter_map(|(input, result)| Some(((*result)?, input))).collect();
        let mut outputs = Vec::with_capacity(made.len());
        for (place, (held, (_, attributes))) in made.into_iter().zip(&main.results).enumerate() {
            let named = after(attributes, "jax.result_info").and_then(|text| text.strip_prefix('"'));
            let named = named.and_then(|text| text.split('"').next()).filter(|name| !name.is_empty());
            let name = named.map_or_else(|| format!("result{place}"), str::to_owned);
            let becomes = takes.get(&place).copied();
            outputs.push(Output { value: walker.graph.whole(held, &program.types), name, becomes });
        }
        let graph = walker.graph;
        let document = Document {
            schema: SCHEMA.to_owned(),
            name: program.name.to_owned(),
            made_by: String::new(),
            values: graph.values,
            inputs: graph.inputs,
            outputs,
            ops: graph.ops,
        };
        Ok((Self::of(document).map_err(StableHloError::Graph)?, from))
    }
}

fn name(arg: &Arg<'_>) -> String {
    arg.place.map_or_else(|| arg.name.trim_start_matches('%').to_owned(), str::to_owned)
}
