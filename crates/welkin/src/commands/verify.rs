//! `welkin verify`: compare objects with a manifest.

use crate::app::App;
use crate::cli::VerifyArgs;
use crate::exit::Exit;
use crate::moving::{bytes_words, plainly};
use crate::output::{Format, counted, shown, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_sky::TransferState;
use welkin_store::{Endpoint, Under};
use welkin_transfer::engine::{Limiter, Stats, verify};
use welkin_transfer::journal::{Manifest, ManifestError};

/// Content in memory at most.
const MEMORY: usize = 128 << 20;

#[derive(Serialize)]
struct Wire<'a> {
    transfer: &'a str,
    place: &'a str,
    good_objects: u64,
    good_bytes: u64,
    faults: Vec<(&'a str, String)>,
}

pub(crate) fn run(args: &VerifyArgs, app: &mut App) -> anyhow::Result<Exit> {
    let path = manifest_path(&args.manifest, app)?;
    let manifest = Manifest::open(&path).map_err(fault)?;
    let text = args.place.clone().unwrap_or_else(|| manifest.head.target.clone());
    let transfer = manifest.head.transfer.clone();
    let place = app.sky.place(&text)?;
    let limiter = Limiter::new(args.bwlimit.map(welkin_units::Bytes::get));
    let runtime = crate::moving::runtime()?;
    let verified = runtime.block_on(async {
        let (endpoint, key) = place.open(&app.sky, &plainly()).await?.apart();
        let endpoint = where_keys_are(&path, endpoint, &key)?;
        verify(manifest, endpoint, MEMORY, &limiter, &Stats::default()).await.map_err(fault)
    })?;
    let bad = verified.faults.len();
    if app.settings.output == Format::Json {
        let faults = verified.faults.iter().map(|(key, fault)| (key.as_str(), fault.to_string())).collect();
        let wire = Wire {
            transfer: &transfer,
            place: &text,
            good_objects: verified.good_objects,
            good_bytes: verified.good_bytes,
            faults,
        };
        write_json(&mut app.out, "welkin.verified/1", &wire)?;
    } else {
        for (key, fault) in &verified.faults {
            let words = format!("{key}: {fault}");
            writeln!(app.out, "{}: {}", app.style.red("BAD"), shown(&words))?;
        }
        let good = counted(usize::try_from(verified.good_objects).unwrap_or(usize::MAX), "object");
        writeln!(app.out, "{good} ({}) as the manifest says, {bad} not", bytes_words(verified.good_bytes))?;
        app.out.flush()?;
    }
    if bad == 0 && verified.good_objects == 0 {
        // A transfer that found everything in place moved nothing, and says nothing of it.
        app.warn("the manifest names no objects, so nothing was verified");
        return Ok(Exit::Incomplete);
    }
    Ok(if bad == 0 { Exit::Success } else { Exit::Incomplete })
}

/// The place that the manifest's keys are of, when `key` was named with it: its root where they begin with that folder,
/// the folder where none does.
fn where_keys_are(path: &Path, endpoint: Arc<dyn Endpoint>, key: &str) -> anyhow::Result<Arc<dyn Endpoint>> {
    let folder = key.trim_end_matches('/');
    if folder.is_empty() {
        return Ok(endpoint);
    }
    let mut manifest = Manifest::open(path).map_err(fault)?;
    let (mut within, mut others) = (0_u64, 0_u64);
    while let Some(entry) = manifest.next_entry().map_err(fault)? {
        let below =
            entry.key == folder || entry.key.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        *(if below { &mut within } else { &mut others }) += 1;
    }
    match (within, others) {
        (_, 0) => Ok(endpoint),
        (0, _) => Ok(Under::folder(endpoint, folder)?),
        _ => {
            let message = format!("some keys of the manifest begin with {folder}/ and some do not");
            Err(Fault::new(Code::DataPlace, message).hint("name the bucket alone").into())
        }
    }
}

/// A file, or the manifest of a transfer.
fn manifest_path(text: &str, app: &App) -> anyhow::Result<PathBuf> {
    if Path::new(text).is_file() {
        return Ok(PathBuf::from(text));
    }
    let records = app.sky.transfers();
    let about = records.find(text).map_err(|error| {
        anyhow::Error::new(error).context(
            Fault::new(Code::NoSuchTransfer, format!("`{text}` is neither a manifest nor a transfer"))
                .hint("`welkin transfers` lists transfers; a manifest is a file"),
        )
    })?;
    if let Some(path) = records.written_manifest(&about)? {
        return Ok(path);
    }
    let id = &about.id;
    let (message, hint) = match records.state(&about).0 {
        TransferState::Damaged => (
            format!("the journal of {id} is damaged, so nothing can be said of what it moved"),
            format!("`welkin transfers resume {id}` begins anew and looks at everything again"),
        ),
        TransferState::Running => (format!("{id} is still running"), "wait for its end".to_owned()),
        TransferState::Interrupted | TransferState::Done | TransferState::Incomplete => {
            (format!("{id} is not over, so it has no manifest yet"), format!("welkin transfers resume {id}"))
        }
    };
    Err(Fault::new(Code::Manifest, message).hint(hint).into())
}

fn fault(error: ManifestError) -> anyhow::Error {
    let code = match &error {
        ManifestError::Io { .. } => Code::File,
        _ => Code::Manifest,
    };
    anyhow::Error::new(error).context(Fault::new(code, "the manifest cannot be used"))
}
