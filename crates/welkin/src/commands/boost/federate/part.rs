//! One of those who have rows.

use super::super::threads::Threads;
use super::super::{read, save, table};
use super::runtime;
use crate::app::App;
use crate::cli::{FederateArgs, TakingPartArgs};
use crate::exit::Exit;
use crate::output::{Format, counted, err_line, shown, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use welkin_boost::{CsvOptions, Data, Model};
use welkin_federate::{Meanwhile, Notes, PartyError, Roster, TakingPart, take_part};
use welkin_gateway::Identity;

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a Path>,
    rows: usize,
    rounds: usize,
    trees: usize,
}

pub(super) fn run(
    args: &FederateArgs,
    address: &str,
    roster: Roster,
    identity: Identity,
    app: &mut App,
) -> anyhow::Result<Exit> {
    let own = Own::read(args)?;
    let key = blake3::derive_key(ROWS, identity.to_secret_text().as_bytes());
    let options = TakingPart {
        roster,
        name: own.name.clone(),
        identity: Arc::new(identity),
        address: address.to_owned(),
        unmasked: args.without_masks,
        commitment: own.commitment(&key)?,
        patience: Duration::from_secs(args.wait),
        introduced: false,
    };
    let mut notes = notes(args.model.as_deref(), &own.name)?;
    let mut tell = teller(args, app);
    let taken = take_part(&options, &own.data, own.valid.as_ref(), &own.threads, &mut notes, &mut tell);
    let model = runtime()?.block_on(taken).map_err(|error| failed(args, error))?;
    finish(args, &own.data, &model, app)?;
    Ok(Exit::Success)
}

/// Beside the model, so that the same command finds them again; where it is not kept, only as long as this process is there.
fn notes(model: Option<&Path>, party: &str) -> anyhow::Result<Notes> {
    let Some(model) = model else { return Ok(Notes::in_memory()) };
    let mut name = model.as_os_str().to_owned();
    name.push(format!(".{party}.federated"));
    let fault = || Fault::new(Code::BoostParties, "what was noted of an earlier training cannot be used");
    Notes::at(Path::new(&name)).with_context(fault)
}

/// A party that is killed when it has the model, and has told the coordinator so, finds nobody when it is started again.
fn failed(args: &FederateArgs, error: PartyError) -> anyhow::Error {
    let fault = Fault::new(Code::BoostParties, "no model was trained");
    let there = args.model.as_deref().filter(|path| path.exists());
    let fault = match (&error, there) {
        (PartyError::Unreached { .. }, Some(path)) => {
            let path = path.display();
            fault.hint(format!("{path} is there: if this party was ended just after the model had come, it is that one, and all are done"))
        }
        _ => fault,
    };
    anyhow::Error::new(error).context(fault)
}

/// What the key of [`Own::commitment`] is for.
pub(super) const ROWS: &str = "welkin federated rows 1";

/// A party's rows.
pub(super) struct Own<'a> {
    pub(super) name: String,
    pub(super) data: Data,
    pub(super) valid: Option<Data>,
    pub(super) threads: Threads,
    args: &'a TakingPartArgs,
    options: CsvOptions,
}

impl<'a> Own<'a> {
    pub(super) fn read(args: &'a FederateArgs) -> anyhow::Result<Self> {
        let args = &args.taking_part;
        let needed = |what: &str| Fault::new(Code::Usage, format!("a party needs {what}"));
        let name = args.party.clone().ok_or_else(|| needed("its name: --party NAME"))?;
        let path = args.data.as_deref().ok_or_else(|| needed("rows: --data FILE"))?;
        let label = args.label.clone().ok_or_else(|| needed("a label: --label COLUMN"))?;
        let options = csv(args, label);
        let data = table::open(path, &options)?;
        let valid = args.valid.as_deref().map(|path| judged(path, &options, &data)).transpose()?;
        Ok(Self { name, data, valid, threads: Threads::new(args.threads), args, options })
    }

    /// What the coordinator knows rows again by after a break: a hash of the files and of what their columns are, under a key
    /// that nobody else has, so that nobody can try which rows have it.
    pub(super) fn commitment(&self, key: &[u8; 32]) -> anyhow::Result<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(format!("{:?}", self.options).as_bytes());
        for path in self.args.data.iter().chain(&self.args.valid) {
            let bytes = read(path)?;
            hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
        }
        Ok(*hasher.finalize().as_bytes())
    }
}

/// Says what happens, and keeps the model.
pub(super) fn teller<'a>(
    args: &'a FederateArgs,
    app: &App,
) -> impl FnMut(&Meanwhile<'_>) -> Result<(), String> + use<'a> {
    let speaks = app.settings.output == Format::Table;
    let mut told = String::new();
    move |meanwhile: &Meanwhile<'_>| {
        let line = match meanwhile {
            Meanwhile::Trained(model) => {
                let saved = args.model.as_deref().map(|path| save::save(model, path));
                return saved.unwrap_or(Ok(())).map_err(|error| format!("{error:#}"));
            }
            Meanwhile::Question(_) => return Ok(()),
            Meanwhile::Reached => "the coordinator is there".to_owned(),
            Meanwhile::Unreached(why) => format!("trying again: {why}"),
            Meanwhile::Waits(why) => why.clone(),
            Meanwhile::Plan(plan) => {
                let masks = if plan.masked { "" } else { ", WITHOUT masks" };
                let (rounds, others) = (counted(plan.rounds as usize, "round"), plan.parties.join(", "));
                format!("training {rounds} with {others}{masks}")
            }
        };
        // What is tried again and again is said once.
        if speaks && line != told {
            err_line(&shown(&line));
        }
        told = line;
        Ok(())
    }
}

fn csv(own: &TakingPartArgs, label: String) -> CsvOptions {
    CsvOptions {
        delimiter: own.delimiter.unwrap_or(b','),
        label: Some(label),
        weight: own.weight.clone(),
        id: own.id.clone(),
        categories: own.categories.iter().cloned().collect(),
        ignored: own.ignore.iter().cloned().collect(),
        ..CsvOptions::default()
    }
}

/// Rows to judge by, with the features of the others in their order.
fn judged(path: &Path, options: &CsvOptions, data: &Data) -> anyhow::Result<Data> {
    let features = Some(data.features.names().to_vec());
    table::open(path, &CsvOptions { features, id: None, ignored: Default::default(), ..options.clone() })
}

pub(super) fn finish(args: &FederateArgs, data: &Data, model: &Model, app: &mut App) -> anyhow::Result<()> {
    let path = args.model.as_deref();
    if app.settings.output == Format::Json {
        let (rows, rounds, trees) = (data.rows(), model.rounds(), model.trees().len());
        return write_json(&mut app.out, "welkin.party/1", &Wire { model: path, rows, rounds, trees });
    }
    let (rounds, rows) = (counted(model.rounds(), "round"), counted(data.rows(), "row"));
    let kept =
        path.map_or_else(|| "a model, which is not kept here".to_owned(), |path| path.display().to_string());
    writeln!(app.out, "{}: {rounds}, with {rows} of this party", shown(&kept))?;
    app.out.flush()?;
    Ok(())
}
