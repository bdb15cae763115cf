//! One statement, in the form of its dialect or in the one that all operations have.
//!
//! Nothing is known of how single operations are written. Names with `%` are operands, in brackets of any kind; what begins with
//! `{` is attributes, or a region where one is due: between round brackets, after `cond`, `do` and a reducer's arguments. Types
//! follow the last colon that is not in brackets. A statement ends with its line, unless the next one goes on with it.

use super::cursor::Cursor;
use super::error::{Wrong, quoted};
use super::syntax::{Program, Region, Statement, symbol};
use super::types::TypeId;

/// Dialects whose operations have names that are known here.
const DIALECTS: [&str; 5] = ["stablehlo.", "chlo.", "mhlo.", "func.", "vhlo."];

/// Words with which a statement goes on in the next line.
const GOES_ON: [&str; 4] = ["cond", "do", "reducer", "attributes"];

impl<'a> Program<'a> {
    pub(super) fn statement(
        &mut self,
        cursor: &mut Cursor<'a>,
        depth: usize,
    ) -> Result<Statement<'a>, Wrong> {
        let at = cursor.at;
        let results = results(cursor)?;
        cursor.space();
        let name = if cursor.peek() == Some(b'"') { cursor.string()? } else { cursor.word() };
        if name.is_empty() {
            return Err(cursor.wrong("an operation is missing"));
        }
        let name = DIALECTS.iter().find_map(|dialect| name.strip_prefix(dialect)).unwrap_or(name);
        let mut statement = Statement {
            at,
            name,
            results,
            operands: Vec::new(),
            outs: Vec::new(),
            attributes: Vec::new(),
            callee: None,
            regions: Vec::new(),
        };
        Reader { program: self, cursor, statement: &mut statement, bound: Vec::new(), from: None, depth }
            .read()?;
        statement.attributes.shrink_to_fit();
        Ok(statement)
    }
}

/// `%a, %b:2 =`.
fn results<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<(&'a str, usize)>, Wrong> {
    let mut results = Vec::new();
    while cursor.peek() == Some(b'%') {
        let name = cursor.ssa()?;
        let count = if cursor.take(":") { cursor.word().parse().ok() } else { Some(1) };
        let count = count.filter(|count| (1..=MOST_RESULTS).contains(count));
        results.push((name, count.ok_or_else(|| cursor.wrong("a number of results is missing"))?));
        cursor.space();
        if cursor.take("=") {
            return Ok(results);
        }
        if !cursor.take(",") {
            return Err(cursor.wrong("`=` is missing"));
        }
        cursor.space();
    }
    Ok(results)
}

/// Results of one operation: a loop over all state of a model has that many.
const MOST_RESULTS: usize = 1 << 20;

struct Reader<'a, 'b> {
    program: &'b mut Program<'a>,
    cursor: &'b mut Cursor<'a>,
    statement: &'b mut Statement<'a>,
    /// Names of a loop's own: `%iterArg = %0`.
    bound: Vec<&'a str>,
    /// Where text begins that attributes may be in.
    from: Option<usize>,
    depth: usize,
}

impl<'a> Reader<'a, '_> {
    fn read(mut self) -> Result<(), Wrong> {
        self.from = Some(self.cursor.at);
        // Round and square brackets that operands are in.
        let mut open: Vec<u8> = Vec::new();
        while let Some(byte) = self.cursor.peek() {
            match byte {
                b'\n' if open.is_empty() => {
                    self.keep();
                    if !self.goes_on() {
                        return Ok(());
                    }
                }
                b'}' if open.is_empty() => {
                    self.keep();
                    return Ok(());
                }
                b'%' => self.operand()?,
                b'@' => {
                    self.cursor.at += 1;
                    let name = symbol(self.cursor)?;
                    self.statement.callee.get_or_insert(name);
                }
                b'"' => {
                    self.cursor.string()?;
                }
                b'(' => {
                    self.cursor.at += 1;
                    self.cursor.space();
                    if self.cursor.peek() == Some(b'{') {
                        self.regions()?;
                    } else {
                        open.push(b')');
                    }
                }
                b'[' => {
                    self.cursor.at += 1;
                    open.push(b']');
                }
                b')' | b']' => {
                    if open.pop() != Some(byte) {
                        return Err(self.cursor.wrong("a bracket closes what was not opened"));
                    }
                    self.cursor.at += 1;
                }
                b'<' | b'{' => {
                    self.cursor.balanced()?;
                }
                b':' if open.is_empty() => {
                    self.keep();
                    self.cursor.at += 1;
                    self.types()?;
                }
                _ if byte.is_ascii_alphabetic() => self.word()?,
                _ => self.cursor.at += 1,
            }
        }
        Err(self.cursor.wrong("an operation is not complete"))
    }

    /// Keeps the text since attributes could begin.
    fn keep(&mut self) {
        if let Some(from) = self.from.take() {
            let text = self.cursor.text.get(from..self.cursor.at).unwrap_or_default();
            if text.contains('=')
                || self.statement.name == "constant"
                || text.contains(['[', '_'])
                || text.contains(',')
            {
                self.statement.attributes.push(text);
            }
        }
    }

    /// Whether the next line goes on with the statement; if so, that is where the cursor then is.
    fn goes_on(&mut self) -> bool {
        let mut next = self.cursor.clone();
        next.space();
        let start = next.at;
        let on = GOES_ON.contains(&next.word());
        if on {
            self.cursor.at = start;
        }
        on
    }

    fn operand(&mut self) -> Result<(), Wrong> {
        let name = self.cursor.ssa()?;
        let mut which = 0;
        if self.cursor.take("#") {
            which = self.cursor.word().parse().map_err(|_| self.cursor.wrong("a number is missing"))?;
        }
        let mut next = self.cursor.clone();
        next.blanks();
        if next.take("=") {
            next.blanks();
            if next.peek() == Some(b'%') {
                self.bound.push(name);
                self.cursor.at = next.at;
                return Ok(());
            }
        }
        self.statement.operands.push((name, which));
        Ok(())
    }

    fn word(&mut self) -> Result<(), Wrong> {
        match self.cursor.word() {
            "loc" if self.cursor.peek() == Some(b'(') => {
                self.cursor.balanced()?;
            }
            // `init: %0` within brackets is no list of types.
            "cond" | "do" if self.statement.name == "while" => self.region(self.bound.clone())?,
            "reducer" => {
                let mut names = Vec::new();
                self.cursor.space();
                // Of several tensors there is one pair for each: first values, then those that come to them.
                while self.cursor.peek() == Some(b'(') {
                    names.extend(self.program.named(self.cursor)?);
                    self.cursor.space();
                }
                self.region(names)?;
            }
            "attributes" => {
                self.cursor.space();
                if self.cursor.peek() == Some(b'{') {
                    let text = self.cursor.balanced()?;
                    self.statement.attributes.push(text);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn region(&mut self, args: Vec<&'a str>) -> Result<(), Wrong> {
        self.cursor.space();
        let region = self.program.region(self.cursor, self.depth + 1)?;
        self.statement.regions.push(Region { args, ..region });
        Ok(())
    }

    /// `{…}, {…})`, after the bracket.
    fn regions(&mut self) -> Result<(), Wrong> {
        self.keep_before_bracket();
        loop {
            let region = self.program.region(self.cursor, self.depth + 1)?;
            self.statement.regions.push(region);
            self.cursor.space();
            if self.cursor.take(")") {
                self.from = Some(self.cursor.at);
                return Ok(());
            }
            self.cursor.expect(",")?;
        }
    }

    fn keep_before_bracket(&mut self) {
        if let Some(from) = self.from.take() {
            self.statement.attributes.push(self.cursor.text.get(from..self.cursor.at).unwrap_or_default());
        }
    }

    /// Types of operands and results, or of results alone.
    fn types(&mut self) -> Result<(), Wrong> {
        let first = self.list()?;
        self.cursor.blanks();
        let outs = if self.cursor.take("->") { self.list()? } else { first };
        let wanted: usize = self.statement.results.iter().map(|(_, count)| *count).sum();
        // Where only one type is written, it is that of all.
        let last = outs.last().copied();
        self.statement.outs = match (outs.len() >= wanted, last) {
            (true, _) => outs[outs.len() - wanted..].to_vec(),
            (false, Some(last)) if outs.len() == 1 && wanted <= MOST_REPEATED => vec![last; wanted],
            _ => {
                let what = format!(
                    "`{}` has {wanted} results, and types of {}",
                    quoted(self.statement.name),
                    outs.len()
                );
                return Err(Wrong::new(self.statement.at, what));
            }
        };
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<TypeId>, Wrong> {
        self.cursor.space();
        let mut types = Vec::new();
        let bracket = self.cursor.take("(");
        loop {
            self.cursor.space();
            if bracket && self.cursor.take(")") {
                return Ok(types);
            }
            types.push(self.program.types.read(self.cursor)?);
            if bracket {
                self.cursor.space();
            } else {
                self.cursor.blanks();
            }
            if !self.cursor.take(",") && !bracket {
                return Ok(types);
            }
        }
    }
}

/// Results whose type is written once: those of a function of two results at most, in what is printed.
const MOST_REPEATED: usize = 16;
