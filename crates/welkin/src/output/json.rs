//! JSON with a versioned schema.

use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Document<'a, T> {
    schema: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// Writes `body` as one indented document whose first key is its schema, such as `welkin.plan/1`. The
/// number grows when a key is removed or changes its meaning; new keys may come at any time.
pub(crate) fn write_json<T: Serialize>(
    out: &mut impl Write,
    schema: &'static str,
    body: &T,
) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Document { schema, body })?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// As [`write_json`], in one line, for a stream of documents.
pub(crate) fn write_line<T: Serialize>(
    out: &mut impl Write,
    schema: &'static str,
    body: &T,
) -> anyhow::Result<()> {
    // In one piece, as others may write to the same stream.
    let mut line = serde_json::to_vec(&Document { schema, body })?;
    line.push(b'\n');
    out.write_all(&line)?;
    Ok(())
}
