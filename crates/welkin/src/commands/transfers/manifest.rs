//! `welkin transfers manifest`: what arrived, with its hashes.

use crate::app::App;
use crate::exit::Exit;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::io::Write;
use welkin_sky::Transfers;
use welkin_transfer::journal::Manifest;

pub(super) fn run(records: &Transfers, name: &str, b3sum: bool, app: &mut App) -> anyhow::Result<Exit> {
    let about = records.find(name)?;
    let missing = || Fault::new(Code::Manifest, format!("{} has no manifest yet", about.id));
    let path = records.written_manifest(&about)?.ok_or_else(missing)?;
    if !b3sum {
        let text = std::fs::read(&path).with_context(missing)?;
        app.out.write_all(&text)?;
        app.out.flush()?;
        return Ok(Exit::Success);
    }
    let mut manifest = Manifest::open(&path).with_context(|| {
        Fault::new(Code::Manifest, format!("{} has no manifest that can be used", about.id))
    })?;
    while let Some(entry) = manifest.next_entry()? {
        // As coreutils and b3sum write names with line breaks.
        let odd = entry.key.contains(['\\', '\n', '\r']);
        let key = entry.key.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        writeln!(app.out, "{}{}  {key}", if odd { "\\" } else { "" }, entry.blake3)?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}
