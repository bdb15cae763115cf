//! Several engines that run one query together, each with a part of it.

use crate::world::{World, simulated, text};
use ring::rand::SystemRandom;
use std::fs;
use std::path::PathBuf;
use welkin_enclave::Form;
use welkin_enclave::engine::{Engine, EngineError};
use welkin_seal::{
    Admitted, Attested, Challenge, Contract, DataKeys, Gathered, Identity, Manifest, Peer, Ran, Run,
    Situation,
};

/// Engines that were started together, with what each is told to run.
pub(crate) struct Together {
    pub(crate) engines: Vec<Engine>,
    pub(crate) runs: Vec<Run>,
}

/// What came of it at each engine.
pub(crate) type Outcomes = Vec<Result<Ran, EngineError>>;

impl World {
    /// A contract of so many engines about all inputs.
    pub(crate) fn contract_of(&self, count: u32, query: &str) -> Contract {
        self.signed(Manifest { together: count, ..self.manifest(query, 1) })
    }

    /// So many engines with everything that they need to run the query.
    pub(crate) fn together(&self, count: u32, query: &str) -> Together {
        let contract = self.contract_of(count, query);
        let folder = self.fresh("meet");
        self.together_in(&vec![folder; count as usize], contract, query)
    }

    /// The same, where each looks for the others in a folder of its own.
    pub(crate) fn together_in(&self, folders: &[PathBuf], contract: Contract, query: &str) -> Together {
        let mut engines = started(folders);
        let (answer, challenge) = answered(&mut engines, &contract);
        let released = self.judged(&contract, &answer, challenge);
        let run = Run {
            contract: text(&contract),
            query: query.to_owned(),
            inputs: self.inputs.clone(),
            released,
            nonce: challenge.nonce,
            output: self.fresh("out").join("result"),
            memory: 1 << 30,
            threads: 2,
            spill: None,
            gathered: Some(Gathered { peers: answer.peers }),
        };
        Together { runs: vec![run; engines.len()], engines }
    }

    /// A folder that nobody has used.
    pub(crate) fn fresh(&self, name: &str) -> PathBuf {
        let number = fs::read_dir(self.path("")).unwrap().count();
        let folder = self.path(&format!("{name}-{number}"));
        fs::create_dir(&folder).unwrap();
        folder
    }

    /// What the owners release for an answer: all that the library lets them.
    pub(crate) fn judged(
        &self,
        contract: &Contract,
        answer: &Attested,
        challenge: Challenge,
    ) -> Vec<welkin_seal::Released> {
        let parties = self.parties.iter().map(|(name, root)| (name.clone(), root.identity().clone()));
        let situation = Situation { now: 1, parties: parties.collect(), ..Situation::default() };
        let agreed = contract.verify(&situation).unwrap();
        let admitted = Admitted::judge_answer(&agreed, answer, &self.policy(), challenge, 1).unwrap();
        let mut released = Vec::new();
        for path in &self.inputs {
            let keys = DataKeys::read(&fs::read(path.join("keys.json")).unwrap()).unwrap();
            let kek = keys.unlock(&self.parties[&keys.party]).unwrap();
            released.extend(admitted.release(&keys, &kek, &SystemRandom::new()).unwrap());
        }
        released
    }

    /// The result of several engines as CSV.
    pub(crate) fn ask_together(&self, count: u32, query: &str) -> String {
        let output = self.done_together(count, query, "");
        String::from_utf8(self.opened(&output, Form::Csv)).unwrap()
    }

    /// The folder of their result.
    pub(crate) fn done_together(&self, count: u32, query: &str, about: &str) -> PathBuf {
        let together = self.together(count, query);
        let output = together.runs[0].output.clone();
        for (rank, outcome) in together.run().into_iter().enumerate() {
            outcome.unwrap_or_else(|error| panic!("{about}, engine {rank}: {error:?}"));
        }
        output
    }
}

/// Engines that know of each other, each with the folder in which it looks for the others.
pub(crate) fn started(folders: &[PathBuf]) -> Vec<Engine> {
    let mut engines: Vec<_> = folders.iter().map(|_| Engine::new(simulated()).unwrap()).collect();
    let members: Vec<Identity> = engines.iter().map(Engine::introduce).collect();
    for (engine, folder) in engines.iter_mut().zip(folders) {
        engine.join(members.clone(), folder).unwrap();
    }
    // From the last, so that each finds those before it waiting.
    engines.iter_mut().rev().for_each(|engine| engine.meet().unwrap());
    engines
}

/// What they all answer to one question.
pub(crate) fn answered(engines: &mut [Engine], contract: &Contract) -> (Attested, Challenge) {
    let challenge = Challenge::draw(contract.digest(), &SystemRandom::new()).unwrap();
    let answers = engines.iter_mut().map(|engine| engine.attest(challenge).unwrap());
    let mut answers: Vec<Attested> = answers.collect();
    let mut first = answers.remove(0);
    first.peers =
        answers.into_iter().map(|Attested { engine, evidence, .. }| Peer { engine, evidence }).collect();
    (first, challenge)
}

impl Together {
    /// All at once, each on a thread of its own.
    pub(crate) fn run(self) -> Outcomes {
        let Self { engines, runs, .. } = self;
        let threads: Vec<_> = engines
            .into_iter()
            .zip(runs)
            .map(|(mut engine, run)| std::thread::spawn(move || engine.run(&run)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

pub(crate) fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].sort_unstable();
    lines
}

/// Visits to cities, in several files so that each engine reads some.
pub(crate) fn visits() -> World {
    let mut world = World::new(&["a", "b"]);
    let table = |first: u64| {
        let rows = (first..first + 900).map(|row| format!("{},city-{},{}\n", row, row % 37, row * 7 % 101));
        format!("id,city,length\n{}", rows.collect::<String>())
    };
    let tables: Vec<String> = (0..5).map(|file| table(file * 900)).collect();
    world.seal("a", "visits", &tables.iter().map(String::as_str).collect::<Vec<_>>());
    let cities: String = (0..40).map(|city| format!("city-{city},{}\n", city * 1000)).collect();
    world.seal("b", "cities", &[&format!("city,people\n{cities}")]);
    world
}

/// Questions that need rows of other engines in every way that there is, and what each is about.
const QUESTIONS: &[(&str, &str)] = &[
    ("groups", "SELECT city, count(*) AS visits, sum(length) AS length FROM visits GROUP BY city"),
    ("one group", "SELECT count(*), min(length), max(id) FROM visits"),
    ("no column at all", "SELECT count(*) FROM visits WHERE length > 50"),
    ("rows as they are", "SELECT id, length FROM visits WHERE length = 7"),
    ("an order", "SELECT id, city FROM visits ORDER BY length, id LIMIT 20"),
    ("an order without an end", "SELECT id FROM visits ORDER BY id DESC"),
    ("a join", "SELECT id, people FROM visits JOIN cities ON visits.city = cities.city"),
    (
        "rows on the left without a partner",
        "SELECT c.city, count(v.id) FROM cities c LEFT JOIN visits v ON c.city = v.city GROUP BY c.city",
    ),
    ("a full join", "SELECT v.id, c.people FROM visits v FULL JOIN cities c ON v.id * 1000 = c.people"),
    (
        "those that are there",
        "SELECT id FROM visits WHERE city IN (SELECT city FROM cities WHERE people < 9000)",
    ),
    ("those that are not", "SELECT city FROM cities WHERE city NOT IN (SELECT city FROM visits)"),
    (
        "those that are not, by another column",
        "SELECT city FROM cities c WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.city = c.city AND v.length > 99)",
    ),
    (
        "a join of ranges",
        "SELECT v.id, c.city FROM visits v JOIN cities c ON v.id * 10 > c.people AND v.length > 95",
    ),
    (
        "a join of ranges with rows on the left by themselves",
        "SELECT c.city, v.id FROM cities c LEFT JOIN visits v ON v.id > 4480 AND v.id * 8 < c.people",
    ),
    (
        "a join of ranges with rows on the small side by themselves",
        "SELECT c.city, v.id FROM cities c LEFT JOIN visits v ON v.id < c.people - 36990",
    ),
    (
        "a full join of ranges",
        "SELECT c.city, v.id FROM cities c FULL JOIN visits v ON v.id < c.people - 38990",
    ),
    (
        "those with one below",
        "SELECT city FROM cities c WHERE EXISTS (SELECT 1 FROM visits v WHERE v.id < c.people - 36990)",
    ),
    (
        "those with none below",
        "SELECT city FROM cities c WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.id < c.people - 36990)",
    ),
    ("every pair", "SELECT count(*) FROM visits v, (SELECT city FROM cities WHERE people > 35000) c"),
    ("a value", "SELECT id FROM visits WHERE length > (SELECT avg(length) * 1.9 FROM visits)"),
    (
        "a value for each",
        "SELECT id FROM visits v WHERE length = (SELECT max(length) FROM visits w WHERE w.city = v.city)",
    ),
    ("one after the other", "SELECT city FROM visits UNION ALL SELECT city FROM cities"),
    ("each once", "SELECT city FROM visits UNION SELECT city FROM cities"),
    ("kinds", "SELECT count(DISTINCT city), count(DISTINCT length) FROM visits"),
    (
        "places in an order",
        "SELECT id, row_number() OVER (PARTITION BY city ORDER BY id) AS place FROM visits",
    ),
    ("a running sum", "SELECT id, sum(length) OVER (ORDER BY id) AS so_far FROM visits"),
    ("sets of groups", "SELECT city, length, count(*) FROM visits GROUP BY ROLLUP (city, length)"),
    ("nothing that is read", "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t (number, word)"),
    ("nobody", "SELECT id FROM visits WHERE id < 0"),
    (
        "a list in a row",
        "SELECT unnest(array_agg(id ORDER BY id)) AS id FROM visits WHERE length < 3 GROUP BY city",
    ),
];

#[test]
fn three_engines_answer_as_one_does() {
    let world = visits();
    for (about, query) in QUESTIONS {
        let alone = world.ask(query).unwrap_or_else(|error| panic!("{about}: {error}"));
        let output = world.done_together(3, query, about);
        let together = String::from_utf8(world.opened(&output, Form::Csv)).unwrap();
        assert_eq!(sorted(&together), sorted(&alone), "{about}");
        if query.contains("ORDER BY length, id") || query.contains("ORDER BY id DESC") {
            assert_eq!(together, alone, "{about}: in its order");
        }
    }
}

#[test]
fn two_and_five_engines_answer_alike() {
    let world = visits();
    let (_, query) = QUESTIONS[0];
    let alone = world.ask(query).unwrap();
    for count in [2, 5] {
        assert_eq!(sorted(&world.ask_together(count, query)), sorted(&alone), "{count}");
    }
}

#[test]
fn what_does_not_fit_waits_sealed_on_disk_or_ends_the_query() {
    let mut world = World::new(&["a"]);
    let table = |first: u64| {
        let word = |row: u64| format!("Zanzibar-{:020}\n", row.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        format!("name\n{}", (first..first + 40_000).map(word).collect::<String>())
    };
    let tables: Vec<String> = (0..3).map(|file| table(file * 40_000)).collect();
    world.seal("a", "t", &tables.iter().map(String::as_str).collect::<Vec<_>>());
    let query = "SELECT count(*) AS pairs FROM (SELECT DISTINCT name FROM t) a JOIN t b ON a.name = b.name";
    let limited = |memory, spill: Option<PathBuf>| {
        let mut together = world.together(3, query);
        for run in &mut together.runs {
            (run.memory, run.threads, run.spill) = (memory, 1, spill.clone());
        }
        (together.runs[0].output.clone(), together.run())
    };
    let (output, outcomes) = limited(3 << 20, None);
    let codes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap_err().code()).collect();
    assert!(codes.contains(&"memory"), "{codes:?}");
    assert!(codes.iter().all(|code| ["memory", "peer"].contains(code)), "{codes:?}");
    assert!(!output.exists());
    let aside = world.fresh("aside");
    let (output, outcomes) = limited(24 << 20, Some(aside.clone()));
    for outcome in outcomes {
        outcome.unwrap();
    }
    assert_eq!(world.opened(&output, Form::Csv), b"pairs\n120000\n");
    assert_eq!(fs::read_dir(aside).unwrap().count(), 0);
}
