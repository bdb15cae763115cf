//! Two parties with sealed data, and an engine that runs their contract.

use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use welkin_enclave::engine::{Engine, EngineError, Source, measure};
use welkin_enclave::{Form, open, read_table, seal, write_table};
use welkin_seal::{
    Admitted, Binding, Challenge, Code, CodeKind, Contract, DataKeys, Hex, HexBytes, Input, Kind, Manifest,
    Name, Noise, Policy, Privacy, Ran, Receipt, Recipient, Released, Root, Run, Secret, Situation, Snapshot,
    SnapshotFile, aad_prefix,
};

pub(crate) struct World {
    folder: TempDir,
    pub(crate) parties: BTreeMap<Name, Root>,
    /// Every sealed data set.
    pub(crate) inputs: Vec<PathBuf>,
    /// Thousandths of epsilon that data sets are sealed with.
    pub(crate) budget: Option<u64>,
    /// What runs the contracts: this program, or another.
    pub(crate) measured: Hex<48>,
}

/// What a test may change before it runs.
pub(crate) struct Job {
    pub(crate) engine: Engine,
    pub(crate) run: Run,
    pub(crate) contract: Contract,
}

/// Evidence that nobody vouches for.
pub(crate) fn simulated() -> Source {
    Source::new(vec!["simulated".to_owned()], Vec::new())
}

impl World {
    pub(crate) fn new(parties: &[&str]) -> Self {
        let root = |name: &&str| {
            let root = Root::draw(name.parse().unwrap(), &SystemRandom::new()).unwrap();
            (root.identity().party.clone(), root)
        };
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            parties: parties.iter().map(root).collect(),
            inputs: Vec::new(),
            budget: None,
            measured: measure().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self, party: &str) -> &Root {
        &self.parties[&party.parse::<Name>().unwrap()]
    }

    /// Seals CSV as a data set, in one file for each table.
    pub(crate) fn seal(&mut self, party: &str, name: &str, tables: &[&str]) -> PathBuf {
        let files = tables.iter().enumerate().map(|(number, table)| {
            let path = self.path(&format!("{party}-{name}-{number}.csv"));
            fs::write(&path, table).unwrap();
            path
        });
        let files: Vec<_> = files.collect();
        self.seal_files(party, (name, 1), &files)
    }

    pub(crate) fn seal_files(
        &mut self,
        party: &str,
        (name, version): (&str, u64),
        files: &[PathBuf],
    ) -> PathBuf {
        let folder = self.path(&format!("{party}-{name}-{version}"));
        fs::create_dir(&folder).unwrap();
        let owner = self.root(party);
        let (data, random) = (name.parse::<Name>().unwrap(), SystemRandom::new());
        let (mut listed, mut keys, mut columns) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (number, file) in files.iter().enumerate() {
            let name = format!("part-{number:05}.parquet");
            let aad = aad_prefix(&owner.identity().party, &data, version, &name);
            let table = read_table(file, Form::of(file).unwrap()).unwrap();
            let sealed = seal(table, &folder.join(&name), &aad).unwrap();
            keys.insert(name.clone(), sealed.keys);
            columns = sealed.columns;
            listed.push(SnapshotFile { name, bytes: sealed.bytes, rows: sealed.rows, sha256: sealed.sha256 });
        }
        let snapshot = Snapshot::new(owner, (data.clone(), version), 7, columns, listed).unwrap();
        let snapshot = match self.budget {
            Some(milli) => snapshot.with_budget(owner, milli),
            None => snapshot,
        };
        let keys = DataKeys::new(owner, (data, version), &keys, &[], &random).unwrap();
        fs::write(folder.join("snapshot.json"), snapshot.write()).unwrap();
        fs::write(folder.join("keys.json"), keys.write()).unwrap();
        self.inputs.push(folder.clone());
        folder
    }

    /// A contract about all inputs, which nobody signed yet.
    pub(crate) fn manifest(&self, query: &str, minimum_group: u64) -> Manifest {
        self.manifest_of(CodeKind::Sql, query, minimum_group)
    }

    pub(crate) fn manifest_of(&self, kind: CodeKind, text: &str, minimum_group: u64) -> Manifest {
        let inputs = self.inputs.iter().map(|path| {
            let snapshot = snapshot(path);
            let digest = snapshot.digest();
            Input { party: snapshot.party, name: snapshot.name, version: snapshot.version, snapshot: digest }
        });
        let inputs: Vec<_> = inputs.collect();
        let measurements = BTreeMap::from([("measurement".to_owned(), HexBytes(self.measured.0.to_vec()))]);
        let identity = |party: &Name| self.parties[party].identity().clone();
        let owners: Vec<_> = inputs.iter().map(|input| identity(&input.party)).collect();
        let first = self.parties.values().next().unwrap().identity();
        let manifest = Manifest {
            inputs,
            code: Code { kind, digest: sum(text) },
            engines: vec![welkin_seal::Engine { kind: Kind::Simulated, measurements }],
            recipients: vec![Recipient::from(first)],
            signers: Vec::new(),
            privacy: Privacy { minimum_group, epsilon_milli: None, noise: None },
            oblivious: false,
            together: 1,
            not_before: 0,
            expires: u64::MAX,
            runs: 1,
            nonce: Hex([9; 32]),
        };
        manifest.checked(&owners).unwrap()
    }

    pub(crate) fn signed(&self, manifest: Manifest) -> Contract {
        let mut contract = Contract::new(manifest);
        for root in self.parties.values() {
            let signs = contract.manifest.signers.iter().any(|signer| signer.party == root.identity().party);
            if signs {
                contract.sign(root).unwrap();
            }
        }
        contract
    }

    /// What the owners release to an engine for a contract: all that the library lets them.
    pub(crate) fn release(&self, engine: &mut Engine, contract: &Contract) -> (Vec<Released>, Hex<32>) {
        let parties = self.parties.iter().map(|(name, root)| (name.clone(), root.identity().clone()));
        let situation = Situation { now: 1, parties: parties.collect(), ..Situation::default() };
        let agreed = contract.verify(&situation).unwrap();
        let random = SystemRandom::new();
        let challenge = Challenge::draw(agreed.digest, &random).unwrap();
        let attested = engine.attest(challenge).unwrap();
        let binding = Binding::to(&attested.engine, challenge);
        let admitted = Admitted::judge(&agreed, &attested.evidence, &policy(), binding, 1).unwrap();
        let released = self.inputs.iter().map(|path| {
            let keys = DataKeys::read(&fs::read(path.join("keys.json")).unwrap()).unwrap();
            let kek = keys.unlock(&self.parties[&keys.party]).unwrap();
            admitted.release(&keys, &kek, &random).unwrap()
        });
        (released.flatten().collect(), challenge.nonce)
    }

    /// An engine with everything that it needs to run the query.
    pub(crate) fn job(&self, query: &str, minimum_group: u64) -> Job {
        self.job_of(self.signed(self.manifest(query, minimum_group)), query)
    }

    pub(crate) fn job_of(&self, contract: Contract, query: &str) -> Job {
        let mut engine = Engine::new(simulated()).unwrap();
        let (released, nonce) = self.release(&mut engine, &contract);
        let run = Run {
            contract: text(&contract),
            query: query.to_owned(),
            inputs: self.inputs.clone(),
            released,
            nonce,
            output: self.path(&format!("result-{}", fs::read_dir(self.folder.path()).unwrap().count())),
            memory: 1 << 30,
            threads: 2,
            spill: None,
            gathered: None,
        };
        Job { engine, run, contract }
    }

    /// Runs a query, and opens its result as CSV.
    pub(crate) fn ask(&self, query: &str) -> Result<String, EngineError> {
        self.ask_of_groups(query, 1)
    }

    pub(crate) fn ask_of_groups(&self, query: &str, least: u64) -> Result<String, EngineError> {
        let job = self.job(query, least);
        let (output, _) = self.done(job)?;
        Ok(String::from_utf8(self.opened(&output, Form::Csv)).unwrap())
    }

    /// The same under a contract that asks for an oblivious run.
    pub(crate) fn ask_obliviously(&self, query: &str) -> Result<String, EngineError> {
        let manifest = Manifest { oblivious: true, ..self.manifest(query, 1) };
        let (output, _) = self.done(self.job_of(self.signed(manifest), query))?;
        Ok(String::from_utf8(self.opened(&output, Form::Csv)).unwrap())
    }

    /// The same under a contract that spends epsilon.
    pub(crate) fn ask_privately(
        &self,
        query: &str,
        epsilon_milli: u64,
        noise: &Noise,
    ) -> Result<String, EngineError> {
        let mut manifest = self.manifest(query, 1);
        manifest.privacy.epsilon_milli = Some(epsilon_milli);
        manifest.privacy.noise = Some(noise.clone());
        let (output, _) = self.done(self.job_of(self.signed(manifest), query))?;
        Ok(String::from_utf8(self.opened(&output, Form::Csv)).unwrap())
    }

    pub(crate) fn done(&self, mut job: Job) -> Result<(PathBuf, Ran), EngineError> {
        let ran = job.engine.run(&job.run)?;
        Ok((job.run.output, ran))
    }

    /// What owners and recipients accept.
    pub(crate) fn policy(&self) -> Policy {
        policy_for(self.measured)
    }

    /// The result as its recipient opens it.
    pub(crate) fn opened(&self, folder: &Path, form: Form) -> Vec<u8> {
        let (snapshot, recipient) = (snapshot(folder), self.parties.values().next().unwrap());
        let receipt = Receipt::read(&fs::read(folder.join("receipt.json")).unwrap()).unwrap();
        let parties =
            self.parties.iter().map(|(name, root)| (name.clone(), root.identity().clone())).collect();
        let engine = receipt.verify(&parties, &self.policy(), snapshot.created).unwrap();
        snapshot.is_of(engine).unwrap();
        let keys = DataKeys::read(&fs::read(folder.join("keys.json")).unwrap()).unwrap();
        keys.is_of(engine).unwrap();
        let kek = keys.unlock(recipient).unwrap();
        let mut out = Vec::new();
        let tables = snapshot.files.iter().map(|file| {
            let key = |column: &String| (column.clone(), keys.column(&kek, &file.name, column).unwrap());
            let columns: BTreeMap<String, Secret> = keys.columns_of(&file.name).map(key).collect();
            let aad = aad_prefix(&snapshot.party, &snapshot.name, snapshot.version, &file.name);
            open(File::open(folder.join(&file.name)).unwrap(), &file.sha256, &columns, &aad)
        });
        write_table(tables, form, &mut out).unwrap();
        out
    }
}

pub(crate) fn policy() -> Policy {
    policy_for(measure().unwrap())
}

fn policy_for(measured: Hex<48>) -> Policy {
    let text = format!(
        "schema = 'welkin.policy/1'\n[simulated]\nallow-debug = true\nmeasurements.measurement = ['{measured}']"
    );
    Policy::read(&text).unwrap()
}

pub(crate) fn snapshot(folder: &Path) -> Snapshot {
    Snapshot::read(&fs::read(folder.join("snapshot.json")).unwrap()).unwrap()
}

pub(crate) fn text(contract: &Contract) -> String {
    String::from_utf8(contract.write()).unwrap()
}

pub(crate) fn sum(text: &str) -> Hex<32> {
    Hex(digest(&SHA256, text.as_bytes()).as_ref().try_into().unwrap())
}
