//! The command line's own failure codes, for messages and for `welkin explain CODE`.
//!
//! One table makes the enum, the printed form, the exit code and the explanation. Mistakes in job
//! files have codes of their own, in `welkin-job`.

use crate::exit::Exit;

macro_rules! codes {
    ($($variant:ident = $name:literal, $exit:ident, $title:literal, $explanation:literal;)+) => {
        /// What kind of failure it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The printed form, such as `cli::no-such-run`.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The exit code it leads to.
            pub(crate) const fn exit(self) -> Exit {
                match self { $(Self::$variant => Exit::$exit),+ }
            }

            /// One line saying what is wrong.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What it means and what to do about it.
            pub(crate) const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation),+ }
            }
        }
    };
}

codes! {
    Usage = "cli::usage", Usage, "The command line is not valid",
        "An argument is missing, unknown or contradicts another. `welkin COMMAND --help` shows what a command takes, with examples.";
    Config = "cli::config", Invalid, "The configuration file cannot be used",
        "`config.toml` lies in Welkin's folder (`WELKIN_HOME`, else the XDG state folder). It may set `output`, `color` and `providers`. Unknown keys are refused, since a misspelt key would silently do nothing.";
    Home = "cli::home", Failure, "There is no folder to keep state in",
        "Welkin keeps runs, logs and the catalog in `$WELKIN_HOME`, else `$XDG_STATE_HOME/welkin`, else `~/.local/state/welkin`. None of the three variables is set.";
    Job = "cli::job", Invalid, "The job file is not valid",
        "Every mistake is shown with its place in the file and a code of its own, `job::…`, which `welkin explain` explains too.";
    File = "cli::file", NotFound, "A file cannot be read or written",
        "The message names the file and what the operating system said.";
    PlanFile = "plan::file", Invalid, "The plan file cannot be used",
        "A plan is sealed by a digest of its content. A file that was edited, cut short or written by another version is refused: make the plan again with `welkin plan --save`.";
    Infeasible = "plan::infeasible", Infeasible, "No plan keeps the conditions",
        "Either no offer satisfies every condition of a task, or no combination of offers keeps the deadline and budget of the job. The message names the smallest sets of conditions whose removal leaves offers. `welkin plan --explain` shows what each condition removes.";
    Expression = "plan::expression", Invalid, "A condition in CEL cannot be used",
        "`policy.where` and `policy.score` are expressions over one offer. The message says what the expression did.";
    NoOffers = "catalog::no-offers", Infeasible, "No offer satisfies the conditions",
        "The message shows how many offers each condition removed, in the order in which they were applied. Drop the one that removes the most, or look for a misspelt name.";
    Place = "route::place", NotFound, "There is no such place",
        "A route leads between places of a graph: the public regions of the large providers, or with `--grid` those that the grid measured. A place is written `PROVIDER:REGION`.";
    Grid = "route::grid", Invalid, "The measured grid cannot be used",
        "`--grid` takes a file, or a folder of files, each known by its columns: `from,to,bits_per_s` with optional `bits_per_s_one_connection`, `rtt_ms`, `connections`, `taken_at`; or the throughput, price and round-trip files that Skyplane published. Lines that cannot be true are set aside and named.";
    Agreements = "route::agreements", Invalid, "The file of agreements cannot be used",
        "It is JSON with `schema` `welkin.agreements/v2`, `agreements` and `revocations`. Whose signatures count says `[trusted-keys]` of config.toml, or the file given to `--trust`: a line `aws = [\"<64 hex digits>\"]` for each provider. Single agreements that cannot be read, are not signed by both parties or are not in effect are ignored with a warning; this is about a file as a whole.";
    RouteInfeasible = "route::infeasible", Infeasible, "No route keeps the conditions",
        "The message says what can be had instead: the cheapest cost, or the highest rate. More machines in a region (`--max-vms`) and more places that may relay raise the rate.";
    RouteExhausted = "route::exhausted", Failure, "No route was found in time",
        "The planner's work is bounded. Fewer destinations, machines or places that may relay make the search smaller.";
    Import = "catalog::import", Invalid, "The price lists cannot be imported",
        "An import reads `PROVIDER/vms.csv` files in SkyPilot's format from a folder, an archive (`.tar.gz`, `.zip`), a single file or a URL. Nothing is changed when not one offer could be read.";
    Network = "cli::network", Network, "The download failed",
        "The server could not be reached, answered with an error, or sent more than the limit. Nothing was changed.";
    Name = "name::invalid", Invalid, "The text is not a name",
        "A name reads `sky:provider/location/kind/offering`, a selector may leave out trailing parts and use `*`, and native ids of AWS, Google Cloud, Azure and Kubernetes are understood too.";
    Unknown = "cli::unknown-code", NotFound, "There is no such code",
        "`welkin explain` without a code lists every code.";
    NoSuchRun = "run::not-found", NotFound, "There is no such run",
        "`welkin runs` lists the runs of this state directory. A prefix of a run's name that fits only one run is enough.";
    NoSuchTask = "run::no-such-task", NotFound, "The run has no such task",
        "`welkin status RUN` lists the tasks of a run.";
    NoSuchOutput = "run::no-such-output", NotFound, "The run has no such output",
        "`welkin fetch` takes outputs that a task has committed, written `TASK.OUTPUT`. The hint lists those of the run.";
    Fetch = "run::fetch", Failure, "The output of a run was not fetched",
        "The store of the place where it was committed cannot be read, or what is there is not what was committed. Nothing was put at the destination.";
    Declined = "run::declined", Declined, "The question was answered with no",
        "Nothing was done. `--yes` answers every question with yes.";
    NeedsConsent = "run::needs-consent", Usage, "Nobody is there to be asked",
        "What was asked for costs money, or ends or removes something; standard input is not a terminal, and `--yes` was not given.";
    Refused = "run::refused", Invalid, "The plan cannot be run",
        "The plan needs a provider that is not set up, or something that this version cannot execute.";
    RunFailed = "run::failed", RunFailed, "The run failed",
        "A task failed; the message says which and why. Everything that cost money was given back. `welkin logs RUN` shows the output of its scripts, and `welkin status RUN` every attempt.";
    OverBudget = "run::over-budget", RunFailed, "The budget ended the run",
        "What the run spent, or what its next attempt is expected to cost, is more than its budget. Everything that cost money was given back, and committed outputs stay. A larger budget, or a plan that costs less, is what helps; asking other places does not.";
    Cancelled = "run::cancelled", RunCancelled, "The run was cancelled",
        "Everything that cost money was given back.";
    InUse = "broker::in-use", InUse, "Another broker holds the state directory",
        "One process at a time drives the runs of a state directory. `welkin status` and `welkin logs -f` work meanwhile, and `welkin cancel` asks the other process. When it is gone, `welkin resume` takes over.";
    Request = "broker::request", Usage, "The broker does not understand the request",
        "The request is not valid for this path, or a header or a body is missing. Commands of the same version never send such a request.";
    Role = "broker::role", Declined, "The broker does not allow this",
        "A viewer may look, a member may start and end runs, an admin may also sweep, prune and stop. Whoever serves says who is what: `welkin serve member add FINGERPRINT --name NAME --role ROLE`.";
    Stranger = "broker::stranger", Declined, "The broker does not know this machine",
        "The broker of a team lets in keys that it was told of. `welkin serve member add FINGERPRINT --name NAME` tells it, on the machine that serves. A program that comes by a token (`WELKIN_TOKEN`) is let in until that expires or is removed.";
    SignIn = "broker::login", Declined, "The login was not accepted",
        "The broker of a team lets people in whom its identity provider names and whose groups have a role there (`[oidc]` in its configuration), until the login expires. The message says what was wrong. A member whom an admin removed stays out until `welkin serve member forget NAME`.";
    LoggedIn = "broker::logged-in", Usage, "This is not done through the broker of a team",
        "While somebody is logged in, commands ask the broker of the team. What only a broker on this machine does needs `welkin logout` first.";
    NoSuchMember = "broker::no-member", NotFound, "There is no such member or token",
        "`welkin serve member list` and `welkin serve token list` show who may come in, on the machine that serves.";
    NoSuchProject = "project::not-found", NotFound, "There is no such project",
        "`welkin project list` shows the projects that you are a member of; of others nothing is told, not even that they exist. `welkin project new NAME` makes one.";
    ProjectBudget = "project::budget", Declined, "The budget of the project does not cover this",
        "What was spent, what runs is expected to cost and what was asked for come to more than the project's budget of the month, or of all time; or everything is spent, and nothing new begins. `welkin project show NAME` says how it stands, and an admin of the broker raises a budget with `welkin project set NAME --budget-month USD`. A task that is under way when this happens waits, and goes on by itself.";
    ProjectInUse = "project::in-use", Declined, "The project cannot be removed yet",
        "Runs or clusters of it are not over. `welkin runs` shows them; `welkin cancel` ends runs and `welkin down` clusters, and a project without any is removed. What was in it can be looked at afterwards.";
    ProjectQuota = "project::quota", Declined, "The project has as much as it may have at once",
        "A project may be limited in runs, leases and accelerators at once. When others of its runs end there is room again; `welkin project show NAME` says what is in use.";
    NoPlan = "broker::no-plan", NotFound, "The plan was not shown to the broker",
        "A broker runs plans that were shown to it: `PUT /v1/plans/DIGEST`, then `POST /v1/runs` names the digest. Plans that nobody uses are kept for a day. Commands show their plan again by themselves.";
    Gone = "broker::gone", NotFound, "What was asked for is gone in part",
        "Runs were removed after the point from which the reader wants to continue. List the runs again, and continue from `as_of` of that list.";
    Changed = "broker::changed", Declined, "What was to be changed is not what it was",
        "A request with `If-Match` is done only while the run is as it was when it was looked at. Something was recorded since. Look again, and decide again.";
    Unsettled = "broker::unsettled", Unsettled, "Leases could not be given back",
        "The provider could not be reached in time. `welkin resume` and `welkin gc` try again.";
    Store = "broker::store", Failure, "The broker's records cannot be read or written",
        "The state directory holds a database, `broker.sqlite3`. The message says what failed; a full disk and missing permissions are the usual reasons.";
    DataPlace = "transfer::place", Invalid, "The text does not name a place for data",
        "A place is a path, `file://path`, `s3://bucket/key`, `gs://bucket/key`, `az://account/container/key`, `NAME:bucket/key` with a store `[stores.NAME]` of `config.toml`, or `-` for standard input and output.";
    Overlap = "transfer::overlap", Invalid, "One end of the transfer lies in the other",
        "A target in its own source would be copied into itself again and again, and `--delete` would remove a source that lies in its target: nothing was moved or removed. Links, `..`, mounts and names of stores do not hide it. With a filter that leaves out the folder that both have (`--exclude '/sub/**'`) there is no overlap.";
    Transfer = "transfer::failed", Failure, "The transfer ended before its end",
        "Everything that arrived is on record: the same command, or `welkin transfers resume`, continues where it stopped.";
    Unreached = "transfer::unreachable", Network, "A store or gateway failed again and again",
        "It did not answer, broke off, or said that it is busy, however often it was asked. Everything that arrived is on record: the same command, or `welkin transfers resume`, continues where it stopped.";
    Credentials = "transfer::credentials", Failure, "The store does not accept the credentials",
        "They are missing, wrong or expired. With valid ones, the same command continues where it stopped.";
    Full = "transfer::full", Failure, "There is no room left at the target",
        "What arrived whole is kept, and nothing is left half written. Once there is room, the same command continues where it stopped.";
    Guarded = "transfer::guarded", Declined, "More would be removed than is allowed",
        "`--delete` removes nothing when it would be more than `--max-delete`, half of what is there unless you say otherwise: a source that is suddenly empty is more often a mistake than a wish.";
    SealKey = "seal::key", Refused, "The keys of a party cannot be used",
        "Keys lie in `seal/keys` below Welkin's folder. A file that was changed, that others may read, or whose passphrase is not given is refused.";
    SealParty = "seal::party", Refused, "A party is not known, or is not who it was",
        "Parties are known by the files that `welkin seal party show` makes of them. A file whose keys did not sign it, and another party under a name that is taken, are refused.";
    SealContract = "seal::contract", Refused, "The contract does not hold",
        "A contract says what may run, on which data, for whom and until when, and every owner of the data signs it. What it lacks is told in one word in JSON: unknown-party, other-key, missing-signature, bad-signature, not-yet, expired, revoked, replay, changed-code, missing-input, changed-input.";
    SealData = "seal::data", Refused, "Sealed data cannot be used",
        "A sealed data set is a folder with encrypted files, a snapshot that its owner signed, and keys. A file that was changed, swapped, dropped or taken from elsewhere is refused.";
    SealEngine = "seal::engine", Failure, "`welkin-enclave` cannot be used",
        "Sealed tables are read and written by `welkin-enclave`, a program that is built apart: `cargo build --release --manifest-path enclave/Cargo.toml`. It has to lie beside `welkin` or on the path.";
    SqlRefused = "sql::refused", Refused, "The query is refused",
        "An engine that does not prove what it is gets no keys, and an engine runs nothing but the one query of its contract, on inputs that are what was signed. Why is told in one word in JSON: a word of contracts, or other-contract, bad-evidence, other-session, no-key, bad-keys, no-data, not-sealed, changed-file, no-query, small-groups, unsupported.";
    SqlFailed = "sql::failed", Failure, "The query failed",
        "The contract held and the query started, but it did not end. Of errors among the data only the kind is told, since more could tell what is in them. `--memory` and `--spill` give it more room. It counts as a run of the contract, since the engine had the keys.";
    SealLog = "seal::log", Refused, "The log does not hold",
        "The log of sealed work only grows. One that does not begin with the lines of a head that was signed earlier, and a proof that does not lead to the head's root, are refused.";
    NoLogLine = "seal::no-line", NotFound, "The log has no such line",
        "Lines are numbered from 0; `welkin seal log show` lists them.";
    SealEvidence = "seal::evidence", Refused, "The evidence is not genuine",
        "Evidence is refused when a signature does not hold, when its certificates do not lead to the manufacturer's root or are out of their time, or when it is of no format that is known. `--at` judges evidence that was recorded as of its own time.";
    SealPolicy = "seal::policy", Invalid, "The policy cannot be used",
        "A policy is a TOML file with `schema = 'welkin.policy/1'` and a table for each kind of evidence that it accepts. A name that is unknown is refused: a rule that was misspelt would not hold.";
    BoostData = "boost::data", Invalid, "The table cannot be used",
        "A table is a CSV file whose first line names the columns. Every other cell of a feature is a number, or missing: empty, `NA`, `NaN`, `null` or `none`. The message names the line and the column, both counted from 1.";
    BoostParams = "boost::params", Invalid, "The parameters cannot be used",
        "Parameters have XGBoost's names and defaults. One that is unknown, or that XGBoost has and Welkin has not, is refused: if it were silently ignored, the model would not be the one that was asked for.";
    BoostModel = "boost::model", Invalid, "The model cannot be used",
        "A model is a file of XGBoost in JSON or UBJSON, as Welkin or XGBoost write it. A file that is cut short or damaged, or that needs something that Welkin does not know, is refused.";
    BoostTraining = "boost::training", Failure, "No model was trained",
        "Parameters and data do not go together, or the loss left the range of numbers. Nothing was written.";
    BoostRefused = "boost::refused", Refused, "The training is refused",
        "An engine that does not prove what it is gets no keys, and an engine trains nothing but by the one recipe of its contract, on rows that are what was signed. Why is told in one word in JSON: a word of contracts, or other-contract, bad-evidence, other-session, no-key, bad-keys, no-data, not-sealed, changed-file, no-recipe, no-column, unsupported.";
    BoostParties = "boost::parties", Failure, "The parties have trained no model",
        "A party or the coordinator was not there, was not who it should be, or did not agree with the others; the message says which. Rounds that were complete are kept by the coordinator: the same commands, given again, continue from them.";
    ParallelModel = "parallel::model", Invalid, "The model graph cannot be used",
        "A model graph is JSON with `schema` `welkin.model-graph/1`, as `trace` of the Python modules `welkin.jax` and `welkin.torch` writes it; anything else is read as StableHLO text, as JAX prints it. The message names the operation, value or line that cannot be. docs/parallel.md describes both.";
    ParallelCluster = "parallel::cluster", Invalid, "There is no such cluster",
        "A cluster is a count and a device or machine type: `8xH100`, `2xp4d.24xlarge`, `gpu` types by the catalog's names. `@GBITS` after it says what network a machine has: `16xA100@1600`.";
    ParallelPlan = "parallel::plan", Invalid, "The parallel plan cannot be used",
        "A plan belongs to one model and is sealed by a digest of its content. A file that was edited or cut short, or that was made for a model that has changed since, is refused: plan again with `welkin parallelize --save`.";
    ParallelCalibration = "parallel::calibration", Invalid, "The measurements or the calibration cannot be used",
        "Measurements are JSON with `schema` `welkin.parallel-measurements/1`, as `profile` of the Python module `welkin.jax` writes them; a calibration is what `welkin parallelize profile --save` makes of them. Each thing is measured at two sizes at least.";
    ParallelInfeasible = "parallel::infeasible", Infeasible, "The model fits nowhere",
        "No way to split the model keeps what a device must hold within its memory. More devices, devices with more memory, or a smaller batch help; the message says how much is missing.";
    Manifest = "transfer::manifest", Invalid, "The manifest cannot be used",
        "It is damaged, cut off, or not a manifest. Each line names the hash of one object and the last line the digest of all others.";
    Unverified = "transfer::unverified", Incomplete, "Objects are not what their manifest says",
        "Each is listed with what is wrong: missing, of another length, or of other content.";
    NoSuchTransfer = "transfer::not-found", NotFound, "There is no such transfer",
        "`welkin transfers` lists the transfers of this folder. A prefix of a name that fits only one is enough.";
    Login = "cluster::login", Failure, "Nobody can log in to the cluster at present",
        "A login needs a cluster whose machines are up, OpenSSH's client (`ssh`, `ssh-keygen`) on this machine, and its server (`sshd`) installed on the node, where it need not be started. It is over when the broker ends, the machines stop, or whoever is logged in may not be any more; `welkin ssh CLUSTER` logs in again.";
    Emulator = "cloud::emulator", Failure, "The emulated clouds cannot be opened",
        "Emulated clouds keep their state below Welkin's folder. The message says what failed there; a full disk and missing permissions are the usual reasons.";
}

impl Code {
    /// The code of a failure, if it has one.
    pub(crate) fn of(error: &anyhow::Error) -> Option<Self> {
        super::fault(error).map(|fault| fault.code)
    }

    /// The code printed as `name`, with or without its prefix.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let bare = |code: &Self| code.as_str().split_once("::").map_or("", |(_, bare)| bare);
        Self::ALL.iter().copied().find(|code| code.as_str() == name || bare(code) == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_found() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::find(code.as_str()), Some(*code));
            assert!(!code.explanation().is_empty() && !code.title().ends_with('.'), "{code:?}");
        }
        assert_eq!(Code::find("no-such-run"), None);
        assert_eq!(Code::find("in-use"), Some(Code::InUse));
    }
}
