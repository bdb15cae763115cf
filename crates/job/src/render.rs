//! Diagnostics as plain text: place, message, source line with carets, hint.
//!
//! Colour is left to the caller, who knows the terminal.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

/// One diagnostic as text, without a trailing newline.
///
/// ```text
/// job.yaml:3:3: error[job::unknown-key]: `accelerater` is not a key of `resources`
///   |
/// 3 |   accelerater: A100
///   |   ^^^^^^^^^^^
///   = hint: did you mean `accelerators`?
/// ```
#[must_use]
pub fn render(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Diagnostic { code, file, line, column, message, .. } = diagnostic;
    let mut text = format!("{file}:{line}:{column}: {severity}[{code}]: {message}");
    let gutter = " ".repeat(line.to_string().len());
    if !diagnostic.source_line.is_empty() {
        let shown = diagnostic.source_line.chars().count();
        let indent = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX).min(shown);
        let carets = usize::try_from(diagnostic.length).unwrap_or(usize::MAX).min(shown - indent).max(1);
        // Tabs are kept in the margin so that the carets stand below what they mean.
        let margin: String =
            diagnostic.source_line.chars().take(indent).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        text.push_str(&format!("\n{gutter} |\n{line} | {}", diagnostic.source_line));
        text.push_str(&format!("\n{gutter} | {margin}{}", "^".repeat(carets)));
    }
    if let Some(expected) = &diagnostic.expected {
        text.push_str(&format!("\n{gutter} = expected: {expected}"));
    }
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!("\n{gutter} = hint: {hint}"));
    }
    for related in &diagnostic.related {
        let place = format!("{file}:{}:{}", related.line, related.column);
        text.push_str(&format!("\n{gutter} = {}: {place}", related.label));
    }
    text
}

/// All diagnostics, a blank line between them, and how many were omitted.
#[must_use]
pub fn render_all(diagnostics: &Diagnostics) -> String {
    let mut text = diagnostics.items.iter().map(render).collect::<Vec<_>>().join("\n\n");
    if diagnostics.omitted > 0 {
        text.push_str(&format!("\n\n… and {} more", diagnostics.omitted));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Code;

    #[test]
    fn points_at_the_text() {
        let diagnostic = Diagnostic {
            code: Code::UnknownKey,
            severity: Severity::Error,
            file: "job.yaml".to_owned(),
            line: 12,
            column: 3,
            length: 4,
            text: "cpsu".to_owned(),
            message: "`cpsu` is not a key of `resources`".to_owned(),
            expected: None,
            hint: Some("did you mean `cpus`?".to_owned()),
            related: Vec::new(),
            source_line: "  cpsu: 8".to_owned(),
        };
        assert_eq!(
            render(&diagnostic),
            "job.yaml:12:3: error[job::unknown-key]: `cpsu` is not a key of `resources`\n   |\n12 |   cpsu: 8\n   \
             |   ^^^^\n   = hint: did you mean `cpus`?"
        );
    }
}
