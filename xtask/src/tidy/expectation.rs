//! Exceptions, written where they are: `// tidy: expect(RULE, reason = "…")`.
//!
//! The comment stands on the line it is for, or above it with only comments and blank lines between.
//! As with `#[expect]` of the compiler, an expectation that nothing fulfils is reported.

use super::finding::Finding;
use super::source::Source;

const RULE: &str = "expect";

/// Takes out the findings that the source expects; adds one for each bad or idle expectation.
pub(super) fn settle(source: &Source, mut findings: Vec<Finding>) -> Vec<Finding> {
    for comment in &source.comments {
        let Some(order) = comment.text.strip_prefix("tidy:") else { continue };
        let line = source.line(comment.at);
        let complain = |what: String, fix: &str| Finding::error(RULE, &source.path, line, what, fix);
        let Some(rule) = expected_rule(order) else {
            let what = format!("not an expectation: `// {}`", comment.text);
            findings.push(complain(what, "write `// tidy: expect(RULE, reason = \"why\")`"));
            continue;
        };
        let target = target_line(source, line);
        let before = findings.len();
        findings.retain(|finding| finding.rule != rule || finding.line != target);
        if findings.len() == before {
            let what = format!("nothing on line {target} breaks the rule `{rule}`");
            findings.push(complain(what, "remove the comment"));
        }
    }
    findings
}

/// The rule named in ` expect(rule, reason = "why")`, if a reason is there.
fn expected_rule(order: &str) -> Option<&str> {
    let inside = order.trim().strip_prefix("expect(")?.strip_suffix(')')?;
    let (rule, reason) = inside.split_once(',')?;
    let reason = reason.trim().strip_prefix("reason")?.trim_start().strip_prefix('=')?;
    let reason = reason.trim().strip_prefix('"')?.strip_suffix('"')?;
    (!reason.trim().is_empty()).then_some(rule.trim())
}

/// The comment's own line if it has code, else the next line that has.
fn target_line(source: &Source, line: usize) -> usize {
    (line..=source.lines()).find(|line| !source.line_code(*line).1.trim().is_empty()).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(text: &str, lines: &[usize]) -> Vec<(&'static str, usize)> {
        let source = Source::new("a.rs", text);
        let found = lines.iter().map(|line| Finding::error("sleep", "a.rs", *line, String::new(), ""));
        settle(&source, found.collect()).iter().map(|finding| (finding.rule, finding.line)).collect()
    }

    #[test]
    fn an_expected_finding_is_gone_and_others_stay() {
        let text = "// tidy: expect(sleep, reason = \"real time\")\n// more\na();\nb();\n";
        assert_eq!(settled(text, &[3, 4]), [("sleep", 4)]);
        assert_eq!(settled("a(); // tidy: expect(sleep, reason = \"x\")\n", &[1]), []);
    }

    #[test]
    fn idle_and_unexplained_expectations_are_findings() {
        assert_eq!(settled("// tidy: expect(sleep, reason = \"x\")\na();\n", &[]), [("expect", 1)]);
        for order in ["expect(sleep)", "expect(sleep, reason = \"\")", "allow(sleep, reason = \"x\")"] {
            assert_eq!(settled(&format!("// tidy: {order}\na();\n"), &[2]), [("sleep", 2), ("expect", 1)]);
        }
    }
}
