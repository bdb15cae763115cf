//! From a recipe that was signed to a sealed model.

use super::rows::{read, read_as_it_is};
use super::threads::Threads;
use crate::engine::{Data, EngineError, Filled, Place, SealedPart, write};
use crate::privacy::bits;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use std::collections::BTreeMap;
use welkin_boost::{
    Format, Model, Range, Recipe, Secrecy, TrainError, check_oblivious, check_private, oblivious_memory,
    train, train_obliviously, train_privately,
};
use welkin_seal::{
    EngineKey, FOOTER, Hex, Manifest, NoRandomness, Noise, Ran, Receipt, Run, Secret, SnapshotFile,
    seal_whole,
};

/// The model's file.
const FILE: &str = "model.json";

/// A recipe, and the data sets that it is about.
pub(crate) struct Training {
    recipe: Recipe,
    rows: Vec<Data>,
    valid: Vec<Data>,
    manner: Manner,
}

/// What the contract asks for besides a model.
pub(crate) enum Manner {
    /// Nothing.
    Plain,
    /// That memory shows no values.
    Hidden,
    /// That the model hides persons: thousandths of epsilon that this run spends, and what noise hides.
    Noisy(u64, Noise),
}

impl Manner {
    pub(crate) fn of(manifest: &Manifest) -> Self {
        match manifest.epsilon_of_a_run() {
            Some(epsilon_milli) => {
                Self::Noisy(epsilon_milli, manifest.privacy.noise.clone().unwrap_or_default())
            }
            None if manifest.oblivious => Self::Hidden,
            None => Self::Plain,
        }
    }
}

impl Training {
    /// Reads the recipe, and holds it against the data.
    pub(crate) fn new(run: &Run, data: Vec<Data>, manner: Manner) -> Result<Self, EngineError> {
        let recipe = Recipe::read(run.query.as_bytes())?;
        match &manner {
            Manner::Plain => {}
            Manner::Hidden => {
                check_oblivious(&recipe).map_err(|why| EngineError::TrainedInSight(why.to_string()))?;
            }
            Manner::Noisy(epsilon_milli, noise) => check_noise(&recipe, *epsilon_milli, noise)?,
        }
        let judges = |data: &Data| recipe.valid.as_deref() == Some(data.name.as_str());
        let (valid, rows): (Vec<_>, Vec<_>) = data.into_iter().partition(judges);
        if let (Some(name), []) = (&recipe.valid, &valid[..]) {
            return Err(EngineError::Unfit(format!("the contract has no data set `{name}` to judge by")));
        }
        if rows.is_empty() {
            return Err(EngineError::Unfit("the contract has no data set to train on".to_owned()));
        }
        let training = Self { recipe, rows, valid, manner };
        let (needs, memory) = (training.needs(), run.memory);
        if needs > memory { Err(EngineError::Rows { needs, memory }) } else { Ok(training) }
    }

    /// Bytes that the rows take at least: a value and the number of its bin for each feature; label, weight, id, group and place in its
    /// node; and for each output a margin, its derivatives and their rounded sums. Hidden, it takes each feature's way besides; with noise, persons.
    fn needs(&self) -> u64 {
        let parts = self.rows.iter().chain(&self.valid).flat_map(|data| &data.parts);
        let rows = parts.map(SealedPart::rows).fold(0, u64::saturating_add);
        let features = self.recipe.features.len() as u64;
        let outputs = self.recipe.params.outputs() as u64;
        let ways = match self.manner {
            Manner::Plain => 0,
            Manner::Hidden => oblivious_memory(&self.recipe.params, rows, features),
            // Who each is about, and how often somebody came.
            Manner::Noisy(..) => rows.saturating_mul(64),
        };
        rows.saturating_mul(6 * features + 32 + 20 * outputs).saturating_add(ways)
    }

    /// Trains, and seals the model.
    pub(crate) fn run(self, key: &EngineKey, receipt: &Receipt, run: &Run) -> Result<Ran, EngineError> {
        let model = self.train(run)?;
        write(key, receipt, &run.output, "model", |place| fill(place, &model))
    }

    fn train(&self, run: &Run) -> Result<Vec<u8>, EngineError> {
        let Self { recipe, .. } = self;
        if let Manner::Noisy(epsilon_milli, noise) = &self.manner {
            let model = self.train_noisily(*epsilon_milli, noise, run)?;
            return Ok(model.write(Format::Json));
        }
        let rows = read(recipe, &self.rows, run.memory)?;
        let valid = recipe.valid.is_some().then(|| read(recipe, &self.valid, run.memory)).transpose()?;
        let watched: Vec<_> = valid.iter().map(|data| ("valid", data)).collect();
        let training = welkin_boost::Training {
            params: &recipe.params,
            rounds: recipe.rounds,
            data: &rows,
            watched: &watched,
            patience: recipe.early_stopping,
            start: None,
            workers: &Threads::new(run.threads),
        };
        // What was signed as hidden is not trained in another way.
        let trainer = if matches!(self.manner, Manner::Hidden) { train_obliviously } else { train };
        let trained = trainer(&training, &mut |_| true).map_err(told)?;
        Ok(trained.model.write(Format::Json))
    }

    fn train_noisily(&self, epsilon_milli: u64, noise: &Noise, run: &Run) -> Result<Model, EngineError> {
        let Self { recipe, .. } = self;
        let rows = read_as_it_is(recipe, noise.person.as_deref(), &self.rows, run.memory)?;
        train_privately(recipe, &secrecy(epsilon_milli, noise), &rows, &mut bits()).map_err(told)
    }
}

fn secrecy(epsilon_milli: u64, noise: &Noise) -> Secrecy {
    let ranges = noise.bounds.iter().map(|(column, bounds)| {
        let (low, high) = bounds.ends();
        (column.clone(), Range { low, high })
    });
    Secrecy { ranges: ranges.collect(), per_person: noise.per_person, epsilon_milli }
}

/// Whether there is a training with such noise.
fn check_noise(recipe: &Recipe, epsilon_milli: u64, noise: &Noise) -> Result<(), EngineError> {
    check_private(recipe, &secrecy(epsilon_milli, noise))
        .map_err(|why| EngineError::TrainedInTheOpen(why.to_string()))?;
    let refused = |why: String| Err(EngineError::TrainedInTheOpen(why));
    if !noise.groups.is_empty() {
        return refused("it names groups, which a training has none of".to_owned());
    }
    let is_used = |name: &&String| *name == &recipe.label || recipe.features.contains(name);
    match noise.person.as_ref().filter(is_used) {
        Some(name) => {
            refused(format!("`{name}`, which tells persons apart, is a column that it learns from"))
        }
        None => Ok(()),
    }
}

/// What may be said of an error: all of one that the recipe alone is to blame for, of others their kind.
fn told(error: TrainError) -> EngineError {
    let kind = match error {
        TrainError::NotOblivious(_) => return EngineError::TrainedInSight(error.to_string()),
        TrainError::NotPrivate(_) => return EngineError::TrainedInTheOpen(error.to_string()),
        TrainError::NoRandomness => return NoRandomness.into(),
        TrainError::Params(why) => return EngineError::Unfit(why),
        TrainError::Metric(why) => return EngineError::Unfit(why.to_string()),
        TrainError::NoGroups(_) | TrainError::NothingToWatch => return EngineError::Unfit(error.to_string()),
        TrainError::NoRows => "there are no rows",
        TrainError::Label { .. } => "a label is not what the objective takes",
        TrainError::TooManyBins { .. } => {
            "the features have too many bins: fewer categories, or a smaller max_bin"
        }
        TrainError::Diverged(_) => "the loss is no longer finite: a smaller eta or a larger lambda may help",
        _ => "an error of the trainer",
    };
    EngineError::Untrained(kind)
}

fn fill(place: &Place<'_>, model: &[u8]) -> Result<Filled, EngineError> {
    let random = SystemRandom::new();
    let key = Secret::draw(&random)?;
    let sealed = seal_whole(&key, (place.party, place.name, place.version, FILE), model, &random)?;
    let path = place.folder.join(FILE);
    std::fs::write(&path, &sealed).map_err(|error| EngineError::Output(path, error))?;
    let mut sha256 = Hex([0; 32]);
    sha256.0.copy_from_slice(digest(&SHA256, &sealed).as_ref());
    let file = SnapshotFile { name: FILE.to_owned(), bytes: sealed.len() as u64, rows: 0, sha256 };
    Ok(Filled { file, keys: BTreeMap::from([(FOOTER.to_owned(), key)]), columns: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Both trainers make the same model. What they refuse tells them apart, where nothing was held against them before.
    #[test]
    fn what_was_signed_as_oblivious_is_given_to_that_trainer() {
        let recipe = br#"{"label": "y", "features": ["x"], "params": {"subsample": 0.5}, "rounds": 1}"#;
        let run = Run {
            gathered: None,
            contract: String::new(),
            query: String::new(),
            inputs: Vec::new(),
            released: Vec::new(),
            nonce: Hex([0; 32]),
            output: PathBuf::new(),
            memory: 1 << 20,
            threads: 1,
            spill: None,
        };
        let refused = [true, false].map(|hidden| {
            let recipe = Recipe::read(recipe).unwrap();
            let manner = if hidden { Manner::Hidden } else { Manner::Plain };
            let training = Training { recipe, rows: Vec::new(), valid: Vec::new(), manner };
            training.train(&run).unwrap_err().to_string()
        });
        assert!(refused[0].contains("no oblivious training with `subsample`"), "{}", refused[0]);
        assert!(refused[1].contains("there are no rows"), "{}", refused[1]);
    }
}
