//! Flags of selection as a filter.

use crate::cli::Selection;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::path::Path;
use welkin_transfer::filter::Filter;

/// Inclusions, then exclusions, then rules of files, as rclone orders them; with inclusions, nothing else is looked at.
pub(crate) fn filter(selection: &Selection) -> anyhow::Result<Filter> {
    let mut filter = Filter::default();
    let usage = |message: String| Fault::new(Code::Usage, message);
    let lines = |path: &Path| -> anyhow::Result<String> {
        std::fs::read_to_string(path)
            .with_context(|| Fault::new(Code::File, format!("cannot read {}", path.display())))
    };
    for (include, patterns, files) in [
        (true, &selection.include, &selection.include_from),
        (false, &selection.exclude, &selection.exclude_from),
    ] {
        for pattern in patterns {
            filter.add(include, pattern).map_err(|error| usage(error.to_string()))?;
        }
        for path in files {
            for (number, line) in lines(path)?.lines().enumerate() {
                let line = line.trim();
                if !line.is_empty() && !line.starts_with(['#', ';']) {
                    let at = || format!("{}:{}", path.display(), number + 1);
                    filter.add(include, line).map_err(|error| usage(format!("{}: {error}", at())))?;
                }
            }
        }
    }
    for path in &selection.filter_from {
        filter.add_file(&lines(path)?).map_err(|why| usage(format!("{}: {why}", path.display())))?;
    }
    if !selection.include.is_empty() || !selection.include_from.is_empty() {
        filter.close().map_err(|error| usage(error.to_string()))?;
    }
    let bytes = |size: Option<welkin_units::Bytes>| size.map(welkin_units::Bytes::get);
    filter.sizes(bytes(selection.min_size), bytes(selection.max_size));
    Ok(filter)
}
