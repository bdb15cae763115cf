//! A round from its seed.

use std::ffi::OsString;

use fastrand::Rng;

use super::names::{self, Alphabet};
use super::place::{Kind, PAIRS};
use super::step::{Change, Disturbance, File, Level, LinkTo, Links, Order, Step, Verb};

/// What is played.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) source: Kind,
    pub(super) target: Kind,
    pub(super) steps: Vec<Step>,
}

/// What the program under test understands; see [`super::links`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Abilities {
    pub(super) links: bool,
}

/// What rounds ask for as the length of parts: the least that stores take, and less between folders.
pub(super) fn part(source: Kind, target: Kind) -> u64 {
    if source.is_folder() && target.is_folder() { 1 << 20 } else { 8 << 20 }
}

const MODES: &[u32] = &[0o644, 0o600, 0o755, 0o640, 0o400, 0o664];

struct Maker {
    rng: Rng,
    names: Vec<OsString>,
    abilities: Abilities,
    /// Are both ends folders, so that links and FIFOs can be?
    folders: bool,
    gateway: bool,
    contents: u64,
    part: u64,
}

/// The kinds of places of a seed alone: cheap, for `--only`.
pub(super) fn pair(seed: u64) -> (Kind, Kind) {
    let mut rng = Rng::with_seed(seed);
    PAIRS[rng.usize(..PAIRS.len())]
}

pub(super) fn script(seed: u64, abilities: Abilities) -> Script {
    let (source, target) = pair(seed);
    let mut rng = Rng::with_seed(seed ^ 0x5bd1_e995_9d1b_899f);
    let folders = source.is_folder() && target.is_folder();
    let alphabet = if folders { Alphabet::Bytes } else { Alphabet::Text };
    let names = names::pool(&mut rng, alphabet);
    let gateway = source.is_gateway() || target.is_gateway();
    let mut maker =
        Maker { rng, names, abilities, folders, gateway, contents: 0, part: part(source, target) };
    Script { source, target, steps: maker.steps(source.is_folder()) }
}

impl Maker {
    fn steps(&mut self, folder: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..self.rng.usize(2..14) {
            steps.push(Step::Source(self.creation(folder)));
        }
        for _ in 0..self.rng.usize(..4) {
            steps.push(Step::Target(self.creation(false)));
        }
        for _ in 0..self.rng.usize(1..4) {
            let order = self.order();
            for _ in 0..self.rng.usize(..3) {
                let disturbance = self.disturbance(folder);
                steps.push(Step::Run(order.clone(), disturbance));
                self.changes(&mut steps, folder);
            }
            steps.push(Step::Run(order, Disturbance::None));
            self.changes(&mut steps, folder);
        }
        let order = self.order();
        steps.push(Step::Run(order, Disturbance::None));
        steps
    }

    fn changes(&mut self, steps: &mut Vec<Step>, folder: bool) {
        for _ in 0..self.rng.usize(..4) {
            steps.push(Step::Source(self.change(folder)));
        }
        if self.rng.u8(..4) == 0 {
            steps.push(Step::Target(self.change(false)));
        }
        if self.rng.u8(..12) == 0 {
            steps.push(Step::Target(Change::Wipe));
        }
    }

    fn change(&mut self, folder: bool) -> Change {
        match self.rng.u8(..10) {
            0..2 => Change::Remove { path: self.path() },
            2 => Change::Touch { path: self.path(), age_s: self.age() },
            3 if self.rng.u8(..6) == 0 => Change::Wipe,
            _ => self.creation(folder),
        }
    }

    fn creation(&mut self, folder: bool) -> Change {
        let special = self.folders || folder;
        match self.rng.u8(..24) {
            0 | 1 if special => Change::Link { path: self.path(), to: self.link() },
            2 if special => Change::Fifo { path: self.path() },
            3 if special => Change::EmptyFolder { path: self.path() },
            _ => Change::Write(self.file()),
        }
    }

    fn file(&mut self) -> File {
        let size = match self.rng.u8(..16) {
            0..3 => 0,
            3..9 => self.rng.u64(1..40),
            9..15 => self.rng.u64(40..200_000),
            _ => self.part + self.rng.u64(..100_000),
        };
        // A few sizes are met again and again, with other bytes.
        let size = if self.rng.u8(..4) == 0 { 7 } else { size };
        self.contents += 1;
        let mode = MODES[self.rng.usize(..MODES.len())];
        File { path: self.path(), size, content: self.contents, age_s: self.age(), mode }
    }

    /// Set back as often as forward; seldom exactly as another.
    fn age(&mut self) -> u64 {
        if self.rng.u8(..8) == 0 { 1_000 } else { self.rng.u64(..100_000_000) }
    }

    fn link(&mut self) -> LinkTo {
        match self.rng.u8(..8) {
            0..3 => LinkTo::Inside(self.names[self.rng.usize(..self.names.len())].clone()),
            3 => LinkTo::Outside,
            4 => LinkTo::OutsideFile,
            5 => LinkTo::Nowhere,
            6 => LinkTo::Itself,
            _ => LinkTo::Parent,
        }
    }

    fn path(&mut self) -> OsString {
        names::path(&mut self.rng, &self.names)
    }

    fn order(&mut self) -> Order {
        let verb = match self.rng.u8(..10) {
            0..2 => Verb::Copy { no_clobber: false },
            2 => Verb::Copy { no_clobber: true },
            _ => Verb::Sync { level: self.level(), delete: self.rng.u8(..3) > 0 },
        };
        let links = match self.rng.u8(..6) {
            0 if self.abilities.links && self.folders => Links::Kept,
            1 if self.abilities.links && self.folders => Links::Followed,
            _ => Links::Unsaid,
        };
        let filter = (self.rng.u8(..5) == 0).then(|| self.filter());
        Order { verb, links, filter }
    }

    fn level(&mut self) -> Level {
        match self.rng.u8(..8) {
            0 => Level::Missing,
            1 => Level::Size,
            2..6 => Level::Time,
            _ => Level::Checksum,
        }
    }

    fn filter(&mut self) -> (&'static str, Vec<String>) {
        let flag = if self.rng.bool() { "--include" } else { "--exclude" };
        (flag, (0..self.rng.usize(1..3)).map(|_| self.pattern()).collect())
    }

    fn pattern(&mut self) -> String {
        let fixed = [
            "*", "*.txt", "/*", "/a/**", "a*", "*/*", "**/b", "a/**", "b/", "/b/**", ".*", "[ab]*", "{a,b}",
            "?",
        ];
        let name = self.names[self.rng.usize(..self.names.len())].to_str().unwrap_or("a").to_owned();
        let plain = name.chars().all(|letter| letter.is_alphanumeric() || "._-".contains(letter));
        match self.rng.u8(..4) {
            0 if plain => name,
            1 if plain => format!("/{name}/**"),
            _ => fixed[self.rng.usize(..fixed.len())].to_owned(),
        }
    }

    fn disturbance(&mut self, folder: bool) -> Disturbance {
        let ms = self.rng.u64(2..160);
        match self.rng.u8(..8) {
            0..2 => Disturbance::Change(ms, self.change(folder)),
            2..4 if self.gateway => Disturbance::Gateway(ms),
            _ => Disturbance::Kill(ms),
        }
    }
}
