//! Functions, regions and statements, as they stand in the text.

use super::attributes::after;
use super::cursor::Cursor;
use super::error::Wrong;
use super::types::{TypeId, Types};
use std::collections::HashMap;

/// Statements of a file: nine times those of a transformer with 96 layers, each written out. With what is kept of each a few
/// hundred megabytes.
const MOST_STATEMENTS: usize = 500_000;

/// Regions in one another. JAX nests them as deep as a program nests its loops.
pub(super) const MOST_NESTED: usize = 64;

/// What the text says.
#[derive(Debug, Default)]
pub(super) struct Program<'a> {
    pub(super) name: &'a str,
    pub(super) types: Types<'a>,
    pub(super) functions: HashMap<&'a str, Function<'a>>,
    /// The function that stands first among those that others may call.
    first: Option<&'a str>,
    /// What `#loc3` stands for.
    places: HashMap<&'a str, &'a str>,
    statements: usize,
}

#[derive(Debug)]
pub(super) struct Function<'a> {
    pub(super) args: Vec<Arg<'a>>,
    pub(super) results: Vec<(TypeId, &'a str)>,
    pub(super) body: Region<'a>,
}

/// An argument of a function.
#[derive(Debug)]
pub(super) struct Arg<'a> {
    pub(super) name: &'a str,
    pub(super) kind: TypeId,
    pub(super) attributes: &'a str,
    /// As whoever wrote the program calls it: `state['weights']`.
    pub(super) place: Option<&'a str>,
}

#[derive(Debug, Default)]
pub(super) struct Region<'a> {
    pub(super) args: Vec<&'a str>,
    pub(super) statements: Vec<Statement<'a>>,
}

/// An operation with its results.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    /// The byte at which it begins.
    pub(super) at: usize,
    /// Without the dialect where that is one whose operations are known here.
    pub(super) name: &'a str,
    /// Names, and how many values each has.
    pub(super) results: Vec<(&'a str, usize)>,
    /// Names, and which value of it.
    pub(super) operands: Vec<(&'a str, usize)>,
    pub(super) outs: Vec<TypeId>,
    pub(super) attributes: Vec<&'a str>,
    /// The function that it names.
    pub(super) callee: Option<&'a str>,
    pub(super) regions: Vec<Region<'a>>,
}

impl<'a> Program<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, Wrong> {
        let mut program = Self::default();
        let mut cursor = Cursor::new(text);
        // Places of arguments may be written after them.
        let mut aliases = Cursor::new(text);
        program.places(&mut aliases)?;
        // Modules that are open: only counted.
        let mut open = 0_usize;
        loop {
            cursor.space();
            match cursor.peek() {
                None if open > 0 => return Err(cursor.wrong("a module is not closed")),
                None => return Ok(program),
                Some(b'}') if open > 0 => {
                    cursor.at += 1;
                    open -= 1;
                }
                Some(b'#' | b'!') => cursor.past_line(),
                Some(_) => match cursor.word() {
                    "module" | "builtin.module" => {
                        open += 1;
                        program.module(&mut cursor)?;
                    }
                    "func.func" => program.function(&mut cursor)?,
                    "" => return Err(cursor.wrong("nothing that StableHLO text has")),
                    // Meshes and the like.
                    word if word.contains('.') => skip_line(&mut cursor)?,
                    word if word.starts_with("loc") => {
                        cursor.balanced()?;
                    }
                    _ => return Err(cursor.wrong("nothing that StableHLO text has")),
                },
            }
        }
    }

    /// The function that is the step.
    pub(super) fn main(&self) -> Option<&Function<'a>> {
        self.functions.get("main").or_else(|| self.functions.get(self.first?))
    }

    /// `#loc3 = loc("name")` at the beginnings of lines.
    fn places(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Wrong> {
        while cursor.peek().is_some() {
            if cursor.peek() == Some(b'#') {
                let start = cursor.at;
                cursor.at += 1;
                cursor.word();
                let name = cursor.text.get(start..cursor.at).unwrap_or_default();
                cursor.blanks();
                if cursor.take("= loc(\"") {
                    cursor.at -= 1;
                    let place = cursor.string()?;
                    self.places.insert(name, place);
                }
            }
            cursor.past_line();
            cursor.at = (cursor.at + 1).min(cursor.text.len());
        }
        Ok(())
    }

    fn module(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Wrong> {
        cursor.space();
        if cursor.take("@") {
            let name = symbol(cursor)?;
            if self.name.is_empty() {
                self.name = name;
            }
        }
        cursor.space();
        if cursor.take("attributes") {
            cursor.space();
            cursor.balanced()?;
        }
        cursor.expect("{")
    }

    fn function(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Wrong> {
        let start = cursor.at;
        cursor.space();
        let visible = match cursor.word() {
            "private" | "nested" => false,
            "public" | "" => true,
            _ => return Err(cursor.wrong("a function's name is missing")),
        };
        cursor.expect("@")?;
        let name = symbol(cursor)?;
        let args = self.args(cursor)?;
        let results = self.results(cursor)?;
        cursor.space();
        if cursor.take("attributes") {
            cursor.space();
            cursor.balanced()?;
            cursor.space();
        }
        if cursor.peek() != Some(b'{') {
            // Declared, and written elsewhere.
            return Ok(());
        }
        let body = self.region(cursor, 0)?;
        self.location(cursor)?;
        if self.functions.insert(name, Function { args, results, body }).is_some() {
            return Err(Wrong::new(
                start,
                format!("there are two functions `{}`", super::error::quoted(name)),
            ));
        }
        if visible {
            self.first.get_or_insert(name);
        }
        Ok(())
    }

    fn args(&mut self, cursor: &mut Cursor<'a>) -> Result<Vec<Arg<'a>>, Wrong> {
        let mut args = Vec::new();
        cursor.expect("(")?;
        loop {
            cursor.space();
            if cursor.take(")") {
                return Ok(args);
            }
            if cursor.peek() != Some(b'%') {
                return Err(cursor.wrong("an argument is missing"));
            }
            let name = cursor.ssa()?;
            cursor.expect(":")?;
            let kind = self.types.read(cursor)?;
            let attributes = dictionary(cursor)?;
            let place = self.location(cursor)?;
            args.push(Arg { name, kind, attributes, place });
            cursor.space();
            cursor.take(",");
        }
    }

    fn results(&mut self, cursor: &mut Cursor<'a>) -> Result<Vec<(TypeId, &'a str)>, Wrong> {
        cursor.space();
        if !cursor.take("->") {
            return Ok(Vec::new());
        }
        cursor.space();
        if !cursor.take("(") {
            return Ok(vec![(self.types.read(cursor)?, "")]);
        }
        let mut results = Vec::new();
        loop {
            cursor.space();
            if cursor.take(")") {
                return Ok(results);
            }
            let kind = self.types.read(cursor)?;
            results.push((kind, dictionary(cursor)?));
            cursor.space();
            cursor.take(",");
        }
    }

    /// `loc(…)`, if it is next: the name in it.
    pub(super) fn location(&self, cursor: &mut Cursor<'a>) -> Result<Option<&'a str>, Wrong> {
        cursor.blanks();
        if !cursor.take("loc(") {
            return Ok(None);
        }
        cursor.at -= 1;
        let text = cursor.balanced()?;
        let named = text.strip_prefix('"').and_then(|text| text.split('"').next());
        Ok(named.or_else(|| self.places.get(text.trim()).copied()))
    }

    /// From its bracket past the one that closes it.
    pub(super) fn region(&mut self, cursor: &mut Cursor<'a>, depth: usize) -> Result<Region<'a>, Wrong> {
        if depth > MOST_NESTED {
            return Err(cursor.wrong(&format!("more than {MOST_NESTED} regions in one another")));
        }
        cursor.expect("{")?;
        let mut region = Region::default();
        loop {
            cursor.space();
            match cursor.peek() {
                Some(b'}') => {
                    cursor.at += 1;
                    return Ok(region);
                }
                Some(b'^') => self.label(cursor, &mut region)?,
                None => return Err(cursor.wrong("a region is not closed")),
                Some(_) => {
                    self.statements += 1;
                    if self.statements > MOST_STATEMENTS {
                        return Err(cursor.wrong(&format!("more than {MOST_STATEMENTS} operations")));
                    }
                    let statement = self.statement(cursor, depth)?;
                    region.statements.push(statement);
                }
            }
        }
    }

    /// `^bb0(%arg0: tensor<f32>):`.
    fn label(&mut self, cursor: &mut Cursor<'a>, region: &mut Region<'a>) -> Result<(), Wrong> {
        if !region.statements.is_empty() {
            return Err(cursor.wrong("jumps between blocks are not StableHLO"));
        }
        cursor.at += 1;
        cursor.word();
        if cursor.peek() == Some(b'(') {
            region.args.extend(self.args(cursor)?.into_iter().map(|arg| arg.name));
        }
        cursor.expect(":")
    }

    /// `(%arg0: tensor<f32>, %arg1: tensor<f32>)`: names.
    pub(super) fn named(&mut self, cursor: &mut Cursor<'a>) -> Result<Vec<&'a str>, Wrong> {
        Ok(self.args(cursor)?.into_iter().map(|arg| arg.name).collect())
    }
}

/// The name of a function, after its `@`.
pub(super) fn symbol<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Wrong> {
    if cursor.peek() == Some(b'"') {
        return cursor.string();
    }
    let word = cursor.word();
    if word.is_empty() { Err(cursor.wrong("a name is missing")) } else { Ok(word) }
}

/// `{…}`, if it is next.
fn dictionary<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Wrong> {
    cursor.blanks();
    if cursor.peek() == Some(b'{') { cursor.balanced() } else { Ok("") }
}

/// Past the end of a line, or of brackets that are open there.
fn skip_line(cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
    loop {
        match cursor.peek() {
            None | Some(b'\n') => return Ok(()),
            Some(b'"') => {
                cursor.string()?;
            }
            Some(b'(' | b'[' | b'{' | b'<') => {
                cursor.balanced()?;
            }
            Some(_) => cursor.at += 1,
        }
    }
}

impl<'a> Arg<'a> {
    /// The result whose memory it gives.
    pub(super) fn becomes(&self) -> Option<usize> {
        let number = after(self.attributes, "tf.aliasing_output")?;
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        number[..digits].parse().ok()
    }

    /// Whether its memory is given, to whichever result can take it.
    pub(super) fn given(&self) -> bool {
        after(self.attributes, "jax.buffer_donor").is_some_and(|value| value.starts_with("true"))
    }
}
