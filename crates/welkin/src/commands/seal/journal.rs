//! This home's log of sealed work: `seal/log.jsonl`, which only grows.

use super::now;
use crate::app::App;
use crate::report::{Code, Fault};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use welkin_seal::{Entry, Event, Hex, LogError, Situation, Snapshot, Tree, read_log};
use welkin_sky::make_private;

/// The log, locked until it is dropped.
pub(in crate::commands) struct Journal {
    path: PathBuf,
    file: File,
    pub(in crate::commands) entries: Vec<Entry>,
    pub(in crate::commands) tree: Tree,
}

impl Journal {
    pub(in crate::commands) fn open(app: &App) -> anyhow::Result<Self> {
        let folder = app.settings.folders.seal();
        let path = folder.join("log.jsonl");
        let unusable = |error: io::Error| super::keyring::unwritten(error, &path);
        make_private(&folder).map_err(unusable)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).append(true).create(true).mode(0o600).open(&path).map_err(unusable)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| unusable(error.into()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(unusable)?;
        // A line that was being written when its process died was never reported to anybody.
        if let Err(LogError::Cut) = read_log(&bytes) {
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            bytes.truncate(whole);
            file.set_len(whole as u64).map_err(unusable)?;
            file.seek(io::SeekFrom::End(0)).map_err(unusable)?;
        }
        let (entries, tree) = read_log(&bytes).map_err(|error| {
            let fault = Fault::new(Code::SealLog, format!("{} cannot be used", path.display()));
            anyhow::Error::new(error).context(fault)
        })?;
        Ok(Self { path, file, entries, tree })
    }

    /// Adds a line; it is on disk when this returns.
    pub(in crate::commands) fn add(&mut self, contract: Hex<32>, event: Event) -> anyhow::Result<()> {
        let entry = Entry { index: self.tree.size(), at: now(), contract, event };
        let line = entry.line();
        let written =
            self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| super::keyring::unwritten(error, &self.path))?;
        self.tree.push(line.as_bytes());
        self.entries.push(entry);
        Ok(())
    }

    /// Thousandths of epsilon that were spent on a data set, by whatever contracts. A version that was sealed again has the same name, and
    /// what was spent on it stays spent.
    pub(in crate::commands) fn spent(&self, of: &Snapshot) -> u64 {
        let spent = self.entries.iter().map(|entry| match &entry.event {
            Event::Spent { party, name, version, epsilon_milli, .. }
                if (party, name, *version) == (&of.party, &of.name, of.version) =>
            {
                *epsilon_milli
            }
            _ => 0,
        });
        spent.fold(0, u64::saturating_add)
    }

    /// Was epsilon spent on a data set for this engine? It runs once, whatever it is told twice.
    pub(in crate::commands) fn paid(&self, by: Hex<32>, of: &Snapshot, engine: Hex<32>) -> bool {
        self.entries.iter().any(|entry| match &entry.event {
            Event::Spent { party, name, version, evidence, .. } => {
                let about = (party, name, *version) == (&of.party, &of.name, of.version);
                about && entry.contract == by && *evidence == engine
            }
            _ => false,
        })
    }

    /// What the log knows of contracts.
    pub(in crate::commands) fn situation(&self) -> anyhow::Result<Situation> {
        let (mut revoked, mut runs) = (BTreeSet::new(), BTreeMap::new());
        let mut released: BTreeMap<Hex<32>, BTreeSet<Hex<32>>> = BTreeMap::new();
        for entry in &self.entries {
            match entry.event {
                Event::Revoked { .. } => drop(revoked.insert(entry.contract)),
                Event::Ran { .. } => *runs.entry(entry.contract).or_default() += 1,
                Event::Released { evidence, .. } => {
                    released.entry(entry.contract).or_default().insert(evidence);
                }
                _ => {}
            }
        }
        // An engine that got keys may have run, whatever became known of it.
        for (contract, engines) in released {
            let ran: &mut u64 = runs.entry(contract).or_default();
            *ran = (*ran).max(engines.len() as u64);
        }
        Ok(Situation { revoked, runs, ..Situation::default() })
    }
}
