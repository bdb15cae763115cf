//! Parties and a coordinator of one process, over real connections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use welkin_boost::{Alone, Column, Data, Features, Format, Kind, Model, Params, Training, train};
use welkin_federate::{
    Coordinating, CoordinatorError, Happening, Meanwhile, Notes, PartyError, Roster, TakingPart, coordinate,
    take_part,
};
use welkin_gateway::Identity;

pub(crate) const ROUNDS: u32 = 3;

/// All who take part, and a folder.
pub(crate) struct Scene {
    pub(crate) coordinator: Arc<Identity>,
    pub(crate) identities: Vec<Arc<Identity>>,
    pub(crate) roster: Roster,
    pub(crate) folder: TempDir,
}

/// A coordinator on its thread, and what it said.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<Result<Vec<u8>, CoordinatorError>>,
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn noise(row: u64, salt: u64) -> f32 {
    let mixed = (row * 7 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 24) as f32
}

/// The rows of one party of several; of all for one of one.
pub(crate) fn rows(party: usize, parties: usize) -> Data {
    let own: Vec<u64> = (0..600).filter(|row| *row as usize % parties == party).collect();
    let column = |salt: u64| Column::Dense(own.iter().map(|row| noise(*row, salt)).collect());
    let columns = (0..3).map(|at| (format!("x{at}"), Kind::Number, column(at))).collect();
    let label = |row: &u64| f32::from(u8::from(noise(*row, 0) + noise(*row, 1) * noise(*row, 7) > 0.8));
    Data {
        features: Features::new(own.len(), columns).unwrap(),
        labels: own.iter().map(label).collect(),
        ..Data::default()
    }
}

pub(crate) fn params() -> Params {
    let mut params = Params::default();
    for (name, value) in [("objective", "binary:logistic"), ("max_depth", "3"), ("max_bin", "16")] {
        params.set(name, value).unwrap();
    }
    params
}

/// The model of all rows on one machine.
pub(crate) fn alone() -> Vec<u8> {
    let (params, data) = (params(), rows(0, 1));
    let training = Training {
        params: &params,
        rounds: ROUNDS as usize,
        data: &data,
        watched: &[("train", &data)],
        patience: None,
        start: None,
        workers: &Alone,
    };
    train(&training, &mut |_| true).unwrap().model.write(Format::Json)
}

fn roster(coordinator: &Identity, identities: &[Arc<Identity>]) -> Roster {
    let line = |(at, one): (usize, &Arc<Identity>)| format!("p{at:02} {}\n", one.fingerprint());
    let lines: String = identities.iter().enumerate().map(line).collect();
    Roster::read(&format!("coordinator {}\n{lines}", coordinator.fingerprint())).unwrap()
}

impl Scene {
    pub(crate) fn new(parties: usize) -> Self {
        let identity = || Arc::new(Identity::generate().unwrap());
        let (coordinator, identities) = (identity(), (0..parties).map(|_| identity()).collect::<Vec<_>>());
        Self {
            roster: roster(&coordinator, &identities),
            coordinator,
            identities,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The same parties, and another coordinator on another machine.
    pub(crate) fn elsewhere(&self) -> Self {
        let (coordinator, identities) = (Arc::new(Identity::generate().unwrap()), self.identities.clone());
        Self {
            roster: roster(&coordinator, &identities),
            coordinator,
            identities,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    pub(crate) fn options(&self) -> Coordinating {
        Coordinating {
            roster: self.roster.clone(),
            identity: Arc::clone(&self.coordinator),
            params: params(),
            rounds: ROUNDS,
            early_stopping: None,
            masked: true,
            valid: false,
            score_training: true,
            journal: self.journal(),
            patience: Duration::from_secs(60),
            rosters: None,
        }
    }

    /// A coordinator at an address that is free, which ends its training where `stop` says so.
    pub(crate) fn coordinate(
        &self,
        options: Coordinating,
        stop: impl Fn(&Happening<'_>) -> bool + Send + 'static,
    ) -> Running {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&said);
        let tell = move |happening: &Happening<'_>| {
            noted.lock().unwrap().push(format!("{happening:?}"));
            if stop(happening) { Err("enough".to_owned()) } else { Ok(()) }
        };
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let (trained, _) = coordinate(options, listener, Box::new(Alone), Box::new(tell)).await?;
                Ok(trained.model.write(Format::Json))
            })
        });
        Running { address, said, thread }
    }

    pub(crate) fn taking_part(&self, party: usize, address: SocketAddr) -> TakingPart {
        TakingPart {
            roster: self.roster.clone(),
            name: format!("p{party:02}"),
            identity: Arc::clone(&self.identities[party]),
            address: address.to_string(),
            unmasked: false,
            commitment: [party as u8; 32],
            patience: Duration::from_secs(30),
            introduced: false,
        }
    }

    /// A party on its thread, which is gone without a word when it hears that question. What it notes goes with it.
    pub(crate) fn part(
        options: TakingPart,
        data: Data,
        until: Option<u64>,
    ) -> JoinHandle<Option<Result<Model, PartyError>>> {
        Self::noting(options, data, Arc::default(), until)
    }

    /// A party that has notes from before.
    pub(crate) fn noting(
        options: TakingPart,
        data: Data,
        notes: Arc<Mutex<Notes>>,
        until: Option<u64>,
    ) -> JoinHandle<Option<Result<Model, PartyError>>> {
        std::thread::spawn(move || {
            let mut notes = notes.lock().unwrap();
            let (gone, heard) = (Notify::new(), AtomicU64::new(0));
            let mut tell = |meanwhile: &Meanwhile<'_>| {
                if matches!(meanwhile, Meanwhile::Question(_))
                    && Some(heard.fetch_add(1, Ordering::Relaxed)) == until
                {
                    gone.notify_one();
                }
                Ok(())
            };
            runtime().block_on(async {
                tokio::select! {
                    biased;
                    () = gone.notified() => None,
                    taken = take_part(&options, &data, None, &Alone, &mut notes, &mut tell) => Some(taken),
                }
            })
        })
    }

    /// All parties but some, each of which must get the model in the end.
    pub(crate) fn others(&self, but: &[usize], address: SocketAddr) -> Vec<JoinHandle<()>> {
        let all = self.identities.len();
        let start = |party: usize| {
            let thread = Self::part(self.taking_part(party, address), rows(party, all), None);
            std::thread::spawn(move || {
                let model = thread.join().unwrap().unwrap().unwrap();
                assert!(model.write(Format::Json) == alone(), "party {party}");
            })
        };
        (0..all).filter(|party| !but.contains(party)).map(start).collect()
    }
}

impl Running {
    /// Waits for its end.
    pub(crate) fn end(self) -> (Result<Vec<u8>, CoordinatorError>, Vec<String>) {
        let ended = self.thread.join().unwrap();
        let said = self.said.lock().unwrap().clone();
        (ended, said)
    }
}
