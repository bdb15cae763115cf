//! Budgets for files and functions.

use crate::tidy::finding::Finding;
use crate::tidy::scan::functions;
use crate::tidy::source::Source;

pub(super) const RULE: &str = "size";

/// The models of the house style have files of 140 to 330 lines; past twice that, a file has two ideas.
const FILE_LINES: usize = 600;

/// Between one and six in a hundred of their functions pass 70 lines; none should need more than this.
const FUNCTION_LINES: usize = 100;

/// A file that may be longer.
struct Budget {
    path: &'static str,
    lines: usize,
    reason: &'static str,
}

/// None so far. A function over its budget carries an expectation above it instead.
const BUDGETS: &[Budget] = &[];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let budget = BUDGETS.iter().find(|budget| budget.path == source.path);
    let mut findings: Vec<_> = file(source, budget).into_iter().collect();
    findings.extend(functions(&source.code).filter_map(|function| {
        let first = source.line(function.range.start);
        let lines = source.line(function.range.end - 1) - first + 1;
        (lines > FUNCTION_LINES).then(|| {
            let what = format!("`{}` has {lines} lines; {FUNCTION_LINES} are allowed", function.name);
            Finding::error(RULE, &source.path, first, what, "split it by what it decides and what it does")
        })
    }));
    findings
}

fn file(source: &Source, budget: Option<&Budget>) -> Option<Finding> {
    let lines = source.lines();
    let allowed = budget.map_or(FILE_LINES, |budget| budget.lines);
    if lines > allowed {
        let what = match budget {
            Some(budget) => format!("{lines} lines; its budget is {allowed} ({})", budget.reason),
            None => format!("{lines} lines; {allowed} are allowed"),
        };
        return Some(Finding::error(RULE, &source.path, 1, what, "split it: one idea per file"));
    }
    let idle = budget.is_some() && lines <= FILE_LINES;
    let fix = "remove its row in xtask/src/tidy/rules/size.rs";
    idle.then(|| Finding::error(RULE, &source.path, 1, "no longer needs a budget of its own".to_owned(), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found() {
        let source = |lines: usize| Source::new("a.rs", &"// x\n".repeat(lines));
        assert!(check(&source(FILE_LINES)).is_empty());
        assert_eq!(check(&source(FILE_LINES + 1)).len(), 1);
        let budget = Budget { path: "a.rs", lines: 700, reason: "a table" };
        assert_eq!(file(&source(700), Some(&budget)), None);
        assert!(file(&source(701), Some(&budget)).unwrap().what.contains("a table"));
        assert!(file(&source(FILE_LINES), Some(&budget)).unwrap().what.contains("no longer"));
    }

    #[test]
    fn long_functions_are_found() {
        let function = |lines: usize| format!("\nfn long() {{\n{}}}\n", "    a();\n".repeat(lines - 2));
        assert!(check(&Source::new("a.rs", &function(FUNCTION_LINES))).is_empty());
        let findings = check(&Source::new("a.rs", &function(FUNCTION_LINES + 1)));
        assert_eq!((findings.len(), findings[0].line), (1, 2));
    }
}
