//! `welkin boost`.

use super::sql::{of_party, tee};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use welkin_seal::{Kind, Name};
use welkin_units::Bytes;

/// Train boosted trees, predict with them, and look into them
#[derive(Debug, Args)]
#[command(after_help = BOOST)]
pub(crate) struct BoostArgs {
    #[command(subcommand)]
    pub(crate) command: BoostCommand,
}

const BOOST: &str = "\
Examples:
  welkin boost train --data train.csv --label y --set objective=binary:logistic --model model.json
  welkin boost predict model.json new.csv > predictions.csv
  welkin boost show model.json
  welkin boost convert model.json model.ubj
  welkin boost federate --party a --data a.csv --label y --coordinator host:7600 --parties parties.txt
  welkin boost train contract.json --recipe recipe.json --input a/visits --input b/visits --to result

Models are XGBoost's: it loads those trained here, and those it trained are used here. Parameters have its names
and its defaults. The same rows give the same model, byte for byte, in any order and with any number of threads.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum BoostCommand {
    Train(Box<TrainArgs>),
    Federate(Box<FederateArgs>),
    Predict(PredictArgs),
    Show(ShowArgs),
    Convert(ConvertArgs),
}

/// How tables are read.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// Columns that are categories, written as whole numbers from 0; repeat or separate by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) categories: Vec<String>,
    /// What stands between the cells of a line; `tab` for a tab
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    pub(crate) delimiter: u8,
    /// Files are libsvm's: a label, then INDEX:VALUE for what is there, from 0; features are called f0, f1 and so on
    #[arg(long, conflicts_with = "delimiter")]
    pub(crate) libsvm: bool,
}

/// Train a model: of a file, or under a contract of several parties' sealed rows
#[derive(Debug, Args)]
#[command(after_help = TRAIN)]
pub(crate) struct TrainArgs {
    /// Contract about sealed rows, signed by the owners of all inputs; without one a file is trained on
    #[arg(value_name = "CONTRACT", conflicts_with_all = ["PlainTrainArgs", "TableArgs"])]
    pub(crate) contract: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) plain: PlainTrainArgs,
    #[command(flatten)]
    pub(crate) table: TableArgs,
    #[command(flatten)]
    pub(crate) sealed: SealedTrainArgs,
}

/// What is said of a file.
#[derive(Debug, Args)]
pub(crate) struct PlainTrainArgs {
    /// CSV file to train on, whose first line names the columns, or Parquet file
    #[arg(long, value_name = "FILE", required_unless_present = "contract")]
    pub(crate) data: Option<PathBuf>,
    /// Column that the model is to predict
    #[arg(long, value_name = "COLUMN", required_unless_present_any = ["libsvm", "contract"], conflicts_with = "libsvm")]
    pub(crate) label: Option<String>,
    /// File that the model is written to; UBJSON if its name ends in .ubj, else JSON
    #[arg(short, long, value_name = "FILE", required_unless_present = "contract")]
    pub(crate) model: Option<PathBuf>,
    /// JSON object with parameters by XGBoost's names
    #[arg(short, long, value_name = "FILE")]
    pub(crate) params: Option<PathBuf>,
    /// One parameter, which overrides the same one in the file; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) set: Vec<(String, String)>,
    /// How many rounds to train; each adds a tree for each output
    #[arg(short, long, value_name = "COUNT", default_value_t = 100)]
    pub(crate) rounds: usize,
    /// File with the same columns that the model is judged by after each round; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) valid: Vec<PathBuf>,
    /// Judge the model by the data that it is trained on as well
    #[arg(long)]
    pub(crate) score_training: bool,
    /// Stop when the last metric of the last file has not improved for this many rounds, and keep the best
    #[arg(long, value_name = "ROUNDS", requires = "valid", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) early_stopping: Option<u32>,
    /// Train so that the memory it touches depends on no value: the same model, slower
    #[arg(long, conflicts_with_all = ["valid", "score_training", "start", "libsvm", "categories"])]
    pub(crate) oblivious: bool,
    /// Model to continue from
    #[arg(long, value_name = "FILE")]
    pub(crate) start: Option<PathBuf>,
    /// Column that says how much a row counts
    #[arg(long, value_name = "COLUMN", conflicts_with = "libsvm")]
    pub(crate) weight: Option<String>,
    /// Column with a number that stays with its row, by which rows are sampled; by default the place in the file
    #[arg(long, value_name = "COLUMN", conflicts_with = "libsvm")]
    pub(crate) id: Option<String>,
    /// Column with a number that rows share which are ranked against each other
    #[arg(long, value_name = "COLUMN", conflicts_with = "libsvm")]
    pub(crate) qid: Option<String>,
    /// Columns that are left out; repeat or separate by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "libsvm")]
    pub(crate) ignore: Vec<String>,
}

impl PlainTrainArgs {
    /// Both are there wherever there is no contract.
    pub(crate) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or(Path::new(""))
    }

    pub(crate) fn model(&self) -> &Path {
        self.model.as_deref().unwrap_or(Path::new(""))
    }
}

/// What is said of a training under a contract.
#[derive(Debug, Args)]
#[command(next_help_heading = "Under a contract")]
#[group(conflicts_with = "PlainTrainArgs")]
pub(crate) struct SealedTrainArgs {
    /// The recipe that was agreed on: columns, parameters, rounds
    #[arg(long, value_name = "FILE", requires = "contract")]
    pub(crate) recipe: Option<PathBuf>,
    /// Sealed data set that the contract names; repeat for all of them
    #[arg(long = "input", value_name = "FOLDER", requires = "contract")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder to make for the sealed model
    #[arg(long = "to", value_name = "FOLDER", requires = "contract")]
    pub(crate) folder: Option<PathBuf>,
    /// Ask an owner whose keys are elsewhere by a command that starts `welkin seal release` there; repeat for more
    #[arg(long, value_name = "PARTY=COMMAND", value_parser = of_party::<String>, requires = "contract")]
    pub(crate) ask: Vec<(Name, String)>,
    /// Policy of an owner whose keys are here; by default the owner's own in this home
    #[arg(long, value_name = "PARTY=FILE", value_parser = of_party::<PathBuf>, requires = "contract")]
    pub(crate) policy: Vec<(Name, PathBuf)>,
    /// File with the passphrase of an owner's keys
    #[arg(long, value_name = "PARTY=FILE", value_parser = of_party::<PathBuf>, requires = "contract")]
    pub(crate) passphrase_file: Vec<(Name, PathBuf)>,
    /// Memory that rows may take [default: 4GiB]
    #[arg(long, value_name = "SIZE", requires = "contract")]
    pub(crate) memory: Option<Bytes>,
    /// Threads to use; by default as many as there are processors
    #[arg(long, value_name = "COUNT", requires = "contract")]
    pub(crate) threads: Option<usize>,
    /// Check the contract and the engine's evidence, and release and train nothing
    #[arg(long, requires = "contract")]
    pub(crate) dry_run: bool,
    /// The one kind of evidence that the engine may give, such as sev-snp (never tried on such machines yet); by default any that the contract names
    #[arg(long, value_name = "KIND", value_parser = tee, requires = "contract")]
    pub(crate) tee: Option<Kind>,
    /// Certificates or collateral for its evidence that the machine does not give; repeat for more [default: /etc/welkin/evidence]
    #[arg(long, value_name = "FILE", requires = "contract")]
    pub(crate) certificates: Vec<PathBuf>,
}

const TRAIN: &str = "\
Examples:
  welkin boost train --data train.csv --label y --model model.json
  welkin boost train --data train.csv --label y --model model.json --params params.json --set eta=0.1
  welkin boost train --data train.csv --label y --model model.ubj --valid test.csv --early-stopping 10
  welkin boost train --data more.csv --label y --model longer.json --start model.json --rounds 50
  welkin boost train --data train.svm --libsvm --model model.json
  welkin boost train --data train.csv --label y --model model.json --oblivious
  welkin boost train --data train.parquet --label y --model model.json      # needs welkin-enclave, which is built apart

Under a contract the model is, byte for byte, the one of all parties' rows in one file, and nobody sees it but the recipients:
  welkin seal contract new --boost recipe.json --input a/snapshot.json --input b/snapshot.json --to a \\
    --engine \"$(welkin sql engine)\" > contract.json
  welkin boost train contract.json --recipe recipe.json --input a --input b --to result
  welkin seal open result --party a > model.json

A recipe: {\"label\": \"y\", \"features\": [\"age\", \"ward\"], \"params\": {\"objective\": \"binary:logistic\"}, \"rounds\": 50}";

/// Train a model of several parties' rows, which none of them shows
#[derive(Debug, Args)]
#[command(after_help = FEDERATE)]
pub(crate) struct FederateArgs {
    /// Add up what parties send; with an address, take part in the training whose coordinator is there
    #[arg(long, value_name = "HOST:PORT", num_args = 0..=1, required_unless_present_any = ["fingerprint", "introduced"])]
    pub(crate) coordinator: Option<Option<String>>,
    /// Print the fingerprint that the others need in their file of parties, and end
    #[arg(long)]
    pub(crate) fingerprint: bool,
    /// File with a line for each party and one for the coordinator: name and fingerprint; the same for all
    #[arg(long, value_name = "FILE", required_unless_present_any = ["fingerprint", "introduced"])]
    pub(crate) parties: Option<PathBuf>,
    /// Hear from the broker who the others are, as a task of a job does
    #[arg(long, hide = true, conflicts_with_all = ["fingerprint", "parties", "identity", "without_masks"])]
    pub(crate) introduced: bool,
    /// File with the identity to use, made if it is not there; that of this machine unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
    /// How many seconds to wait for others before giving up
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub(crate) wait: u64,
    /// Send sums as they are, so that the coordinator sees each party's; all have to say so
    #[arg(long)]
    pub(crate) without_masks: bool,
    /// File that the model is written to; UBJSON if its name ends in .ubj, else JSON. The coordinator needs one
    #[arg(short, long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) coordinating: CoordinatingArgs,
    #[command(flatten)]
    pub(crate) taking_part: TakingPartArgs,
}

/// What a coordinator is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Coordinator")]
pub(crate) struct CoordinatingArgs {
    /// Where to listen
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// JSON object with parameters by XGBoost's names
    #[arg(short, long, value_name = "FILE")]
    pub(crate) params: Option<PathBuf>,
    /// One parameter, which overrides the same one in the file; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) set: Vec<(String, String)>,
    /// How many rounds to train; each adds a tree for each output [default: 100]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u32))]
    pub(crate) rounds: Option<u32>,
    /// Judge the model by rows that every party brings with `--valid`
    #[arg(long)]
    pub(crate) score_valid: bool,
    /// Judge the model by the rows that it is trained on as well
    #[arg(long)]
    pub(crate) score_training: bool,
    /// Stop when the last metric has not improved for this many rounds, and keep the best
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) early_stopping: Option<u32>,
}

/// What a party is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Party")]
pub(crate) struct TakingPartArgs {
    /// Name of this party in the file of parties
    #[arg(long, value_name = "NAME")]
    pub(crate) party: Option<String>,
    /// CSV file with this party's rows, whose first line names the columns, or Parquet file
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Column that the model is to predict
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    /// File with the same columns that the model is judged by after each round
    #[arg(long, value_name = "FILE")]
    pub(crate) valid: Option<PathBuf>,
    /// Column that says how much a row counts
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weight: Option<String>,
    /// Column with a number that stays with its row, by which rows are sampled
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id: Option<String>,
    /// Columns that are left out; repeat or separate by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Columns that are categories, written as whole numbers from 0; repeat or separate by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) categories: Vec<String>,
    /// What stands between the cells of a line; `tab` for a tab [default: ,]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// Threads to use; all cores unless given
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    pub(crate) threads: usize,
}

const FEDERATE: &str = "\
Examples:
  welkin boost federate --fingerprint
  welkin boost federate --coordinator --listen 0.0.0.0:7600 --parties parties.txt --model model.json \\
      --set objective=binary:logistic --rounds 50
  welkin boost federate --party a --data a.csv --label y --coordinator host:7600 --parties parties.txt

The file of parties is the same for all:
  coordinator w1:3f…
  a           w1:77…
  b           w1:9c…

The model is, byte for byte, the one that `welkin boost train` makes of all rows in one file. The coordinator needs no
rows and sees sums over all parties only: what a party sends is masked, and masks cancel in the sum. Where somebody
was killed or lost, the same command again continues after the last complete round.";

/// Predict rows with a model
#[derive(Debug, Args)]
#[command(after_help = PREDICT)]
pub(crate) struct PredictArgs {
    /// Model of Welkin or XGBoost, JSON or UBJSON
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// CSV or Parquet file with the model's features by name; other columns are ignored
    #[arg(value_name = "DATA")]
    pub(crate) data: PathBuf,
    /// Write margins, which trees add up to, instead of predictions
    #[arg(long)]
    pub(crate) margin: bool,
    /// Write the number of the leaf that a row ends in, for each tree
    #[arg(long, conflicts_with = "margin")]
    pub(crate) leaves: bool,
    /// Predict so that the memory it touches does not depend on the rows' values
    #[arg(long, conflicts_with_all = ["leaves", "libsvm"])]
    pub(crate) oblivious: bool,
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

const PREDICT: &str = "\
Examples:
  welkin boost predict model.json new.csv
  welkin boost predict model.json new.csv --margin
  welkin boost predict model.ubj new.csv --output json | jq '.predictions[0]'";

/// Show what a model is made of, or how its training went
#[derive(Debug, Args)]
#[command(after_help = SHOW)]
pub(crate) struct ShowArgs {
    /// Model of Welkin or XGBoost, JSON or UBJSON; with `--curve` what its training wrote with `--output json`
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// Write trees as lines: all, or the one of this number from 0
    #[arg(long, value_name = "NUMBER")]
    pub(crate) trees: Option<Option<usize>>,
    /// Write the tree of this number, from 0, as a graph for Graphviz
    #[arg(long, value_name = "NUMBER", conflicts_with = "trees")]
    pub(crate) dot: Option<usize>,
    /// Write how scores went from round to round
    #[arg(long, conflicts_with_all = ["trees", "dot"])]
    pub(crate) curve: bool,
    /// Draw them as SVG
    #[arg(long, requires = "curve")]
    pub(crate) svg: bool,
}

const SHOW: &str = "\
Examples:
  welkin boost show model.json
  welkin boost show model.json --trees
  welkin boost show model.json --dot 0 | dot -Tsvg > tree.svg
  welkin boost show model.json --output json | jq '.importance[0]'
  welkin boost train --data train.csv --label y --valid test.csv --model model.json --output json > trained.json
  welkin boost show trained.json --curve
  welkin boost show trained.json --curve --svg > curve.svg";

/// Write a model in another format
#[derive(Debug, Args)]
#[command(after_help = CONVERT)]
pub(crate) struct ConvertArgs {
    /// Model of Welkin or XGBoost, JSON or UBJSON, whatever its name is
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// File to write, replaced if it is there: JSON if its name ends in .json, UBJSON if it ends in .ubj
    #[arg(value_name = "FILE", value_parser = model_file)]
    pub(crate) to: PathBuf,
}

const CONVERT: &str = "\
Examples:
  welkin boost convert model.json model.ubj
  welkin boost convert model.ubj model.json

Predictions stay the same, to the last bit, here and in XGBoost.";

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if text == "tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => Ok(*byte),
        _ => Err("it should be one character that numbers do not have, or `tab`".to_owned()),
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it should be NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// A name that says what a model is written as.
fn model_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json" | "ubj") => Ok(path),
        _ => Err("its name should end in .json or .ubj, which says how the model is written".to_owned()),
    }
}
