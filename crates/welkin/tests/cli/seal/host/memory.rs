//! What root sees of a process: its memory, and files that have no name any more.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Memory is read in pieces of this size, each of which begins with the end of the one before.
const PIECE: usize = 1 << 20;
const OVERLAP: usize = 256;

/// A process by its number.
pub(super) struct Process(i32);

/// A process and all that it started.
pub(super) fn descendants(id: u32) -> Vec<Process> {
    let mut found = vec![i32::try_from(id).unwrap()];
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let children: Vec<i32> = children
            .flat_map(|ids| ids.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<_>>())
            .collect();
        found.extend(children);
        next += 1;
    }
    found.into_iter().map(Process).collect()
}

impl Process {
    pub(super) fn id(&self) -> i32 {
        self.0
    }

    fn at(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{what}", self.0))
    }

    pub(super) fn name(&self) -> String {
        let program = fs::read_link(self.at("exe")).unwrap_or_default();
        program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name() == name
    }

    fn signal(&self, signal: Signal) {
        // One that has ended is waited for elsewhere.
        let _ = kill_process(Pid::from_raw(self.0).unwrap(), signal);
    }

    pub(super) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Is the text anywhere in its memory, as it is or in hexadecimal digits?
    pub(super) fn holds(&self, text: &str) -> bool {
        let Ok(memory) = File::open(self.at("mem")) else { return false };
        let maps = fs::read_to_string(self.at("maps")).unwrap_or_default();
        maps.lines().filter_map(written).any(|(start, end)| region_holds(&memory, start, end, text))
    }

    /// What is in the files that it has open, whether they have names or not.
    pub(super) fn open_files(&self) -> Vec<u8> {
        let files = fs::read_dir(self.at("fd")).into_iter().flatten().flatten();
        let files = files.filter(|file| fs::metadata(file.path()).is_ok_and(|about| about.is_file()));
        files.flat_map(|file| fs::read(file.path()).unwrap_or_default()).collect()
    }
}

/// The addresses of memory that the process has written to or could: what is only read is a file, and files are searched as such.
fn written(line: &str) -> Option<(u64, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let readable =
        rest.starts_with("rw") || (rest.starts_with('r') && rest.split_whitespace().nth(3) == Some("0"));
    let of_kernel = rest.ends_with("[vvar]") || rest.ends_with("[vsyscall]");
    let number = |text| u64::from_str_radix(text, 16).ok();
    (readable && !of_kernel).then_some(())?;
    Some((number(start)?, number(end)?))
}

fn region_holds(memory: &File, start: u64, end: u64, text: &str) -> bool {
    let mut piece = vec![0; PIECE];
    let mut at = start;
    while at < end {
        let length = PIECE.min(usize::try_from(end - at).unwrap());
        // Pages that were never touched, or are gone by now, cannot be read.
        let read = memory.read_at(&mut piece[..length], at).unwrap_or(0);
        if super::holds(&piece[..read], text) {
            return true;
        }
        let step = if length == PIECE { PIECE - OVERLAP } else { length };
        at += step as u64;
    }
    false
}
