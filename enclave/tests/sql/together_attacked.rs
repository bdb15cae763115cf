//! Whoever carries what engines say to each other: what it sees, and what it can do.

use crate::together::{Together, answered, sorted, started, visits};
use crate::world::{World, simulated, text};
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use welkin_enclave::Form;
use welkin_enclave::engine::{Engine, EngineError};
use welkin_seal::{Contract, FRAME_BYTES, Gathered, Identity, Run};

const QUERY: &str = "SELECT city, count(*) AS visits, sum(length) AS length FROM visits GROUP BY city";

/// From whom, to whom, which of that pair's frames.
type About = (u32, u32, usize);

/// What it does with a frame: what it passes on instead, or that it passes on nothing any more.
type Deed = Arc<dyn Fn(About, Vec<u8>) -> Option<Vec<Vec<u8>>> + Send + Sync>;

/// A host that stands between all engines.
struct Courier {
    deed: Deed,
    seen: Mutex<Vec<(About, Vec<u8>)>>,
}

impl Courier {
    fn new(deed: impl Fn(About, Vec<u8>) -> Option<Vec<Vec<u8>>> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { deed: Arc::new(deed), seen: Mutex::default() })
    }

    /// A folder for each engine, in which the courier is all others.
    fn folders(self: &Arc<Self>, world: &World, count: u32) -> Vec<PathBuf> {
        let folders: Vec<PathBuf> = (0..count).map(|_| world.fresh("meet")).collect();
        for from in 1..count {
            for to in 0..from {
                let listener = UnixListener::bind(folders[from as usize].join(to.to_string())).unwrap();
                let (courier, there) = (self.clone(), folders[to as usize].join(to.to_string()));
                std::thread::spawn(move || {
                    let (mut near, _) = listener.accept().unwrap();
                    let mut far = UnixStream::connect(there).unwrap();
                    let mut rank = [0; 4];
                    near.read_exact(&mut rank).unwrap();
                    far.write_all(&rank).unwrap();
                    let (back, other) =
                        (courier.clone(), (far.try_clone().unwrap(), near.try_clone().unwrap()));
                    std::thread::spawn(move || back.carry((to, from), other.0, other.1));
                    courier.carry((from, to), near, far);
                });
            }
        }
        folders
    }

    fn carry(&self, (from, to): (u32, u32), mut near: UnixStream, mut far: UnixStream) {
        for number in 0.. {
            let mut frame = vec![0; FRAME_BYTES];
            if near.read_exact(&mut frame).is_err() {
                break;
            }
            let about = (from, to, number);
            self.seen.lock().unwrap().push((about, frame.clone()));
            let Some(passed) = (self.deed)(about, frame) else { break };
            if passed.iter().any(|frame| far.write_all(frame).is_err()) {
                break;
            }
        }
        for stream in [near, far] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_courier_sees_frames_of_one_size_and_no_value() {
    let mut world = World::new(&["a", "b"]);
    let rows = |first: u32| (first..first + 500).map(|row| format!("Zanzibar-{},{row}\n", row % 50));
    let table = |first| format!("city,length\n{}", rows(first).collect::<String>());
    world.seal("a", "visits", &[&table(0), &table(500), &table(1000)]);
    let cities: String = (0..50).map(|city| format!("Zanzibar-{city},Narwhal-{city}\n")).collect();
    world.seal("b", "cities", &[&format!("city,mayor\n{cities}")]);
    let query = "SELECT mayor, sum(length) AS length FROM visits JOIN cities USING (city) GROUP BY mayor";
    let courier = Courier::new(|_, frame| Some(vec![frame]));
    let folders = courier.folders(&world, 3);
    let together = world.together_in(&folders, world.contract_of(3, query), query);
    let output = together.runs[0].output.clone();
    for outcome in together.run() {
        outcome.unwrap();
    }
    let result = String::from_utf8(world.opened(&output, Form::Csv)).unwrap();
    assert_eq!(sorted(&result), sorted(&world.ask(query).unwrap()));
    assert!(result.contains("Narwhal-7"));
    let seen = courier.seen.lock().unwrap();
    for from in 0..3 {
        for to in (0..3).filter(|to| *to != from) {
            // The plan's digest, rows or the end of them, the end.
            let count = seen.iter().filter(|((of, at, _), _)| (*of, *at) == (from, to)).count();
            assert!(count >= 3, "{from} said {count} frames to {to}");
        }
    }
    let plain = [&b"Zanzibar"[..], b"Narwhal", b"mayor", b"length", b"ARROW"];
    for ((from, to, number), frame) in seen.iter() {
        for word in plain {
            let found = frame.windows(word.len()).any(|window| window == word);
            assert!(!found, "{} from {from} to {to}, frame {number}", String::from_utf8_lossy(word));
        }
    }
    // Nor does any frame come twice.
    let mut frames: Vec<_> = seen.iter().map(|(_, frame)| frame).collect();
    frames.sort();
    assert!(frames.windows(2).all(|two| two[0] != two[1]));
}

/// Three engines with a courier between them: there is no result, and none goes on that did not have all of its part before.
fn ends(deed: impl Fn(About, Vec<u8>) -> Option<Vec<Vec<u8>>> + Send + Sync + 'static, what: &str) {
    let world = visits();
    let courier = Courier::new(deed);
    let folders = courier.folders(&world, 3);
    let together = world.together_in(&folders, world.contract_of(3, QUERY), QUERY);
    let output = together.runs[0].output.clone();
    for (rank, outcome) in together.run().into_iter().enumerate() {
        match outcome {
            Ok(_) => assert!(rank > 0, "{what}: there is a result"),
            Err(error) => assert_eq!(error.code(), "peer", "{what}, engine {rank}: {error}"),
        }
    }
    let left = fs::read_dir(output.parent().unwrap()).unwrap().count();
    assert_eq!(left, 0, "{what}: something is left of a result");
}

#[test]
fn frames_that_are_changed_dropped_repeated_or_cut_off_end_the_query() {
    let of = |from, to, number| move |about: About| about == (from, to, number);
    for number in [0, 1] {
        for (from, to) in [(1, 0), (0, 2), (2, 1)] {
            let this = of(from, to, number);
            let change = move |about, mut frame: Vec<u8>| {
                frame[1000] ^= u8::from(this(about));
                Some(vec![frame])
            };
            ends(change, &format!("changed {number} from {from} to {to}"));
        }
        let this = of(2, 0, number);
        ends(move |about, frame| Some(if this(about) { vec![] } else { vec![frame] }), "dropped");
        ends(
            move |about, frame| Some(if this(about) { vec![frame.clone(), frame] } else { vec![frame] }),
            "repeated",
        );
        ends(move |about, frame| (!this(about)).then(|| vec![frame]), "cut off");
    }
}

#[test]
fn frames_in_another_order_or_of_another_pair_end_the_query() {
    // The second comes before the first.
    let held = Mutex::new(None);
    ends(
        move |about, frame| {
            Some(match about {
                (1, 0, 1) => {
                    *held.lock().unwrap() = Some(frame);
                    vec![]
                }
                (1, 0, 2) => vec![frame, held.lock().unwrap().take().unwrap()],
                _ => vec![frame],
            })
        },
        "turned around",
    );
    // What was said to one goes to another, at the same place.
    let held = Mutex::new(None);
    ends(
        move |about, frame| {
            Some(match about {
                (1, 0, 0) => {
                    *held.lock().unwrap() = Some(frame.clone());
                    vec![frame]
                }
                (1, 2, number) => {
                    let other = if number == 0 { held.lock().unwrap().take() } else { None };
                    // One that was not said yet is a frame of nobody.
                    vec![if number == 0 { other.unwrap_or_else(|| vec![7; FRAME_BYTES]) } else { frame }]
                }
                _ => vec![frame],
            })
        },
        "of another pair",
    );
    // What an engine said comes back to it.
    let held = Mutex::new(None);
    ends(
        move |about, frame| {
            Some(match about {
                (0, 1, 0) => {
                    *held.lock().unwrap() = Some(frame.clone());
                    vec![frame]
                }
                (1, 0, 0) => vec![held.lock().unwrap().take().unwrap_or_else(|| vec![7; FRAME_BYTES])],
                _ => vec![frame],
            })
        },
        "turned back",
    );
}

/// A run that is changed for one engine.
fn refused(together: Together) -> Vec<EngineError> {
    let output = together.runs[0].output.clone();
    let outcomes = together.run().into_iter().map(|outcome| outcome.unwrap_err()).collect();
    assert!(!output.exists());
    outcomes
}

#[test]
fn engines_that_plan_otherwise_do_not_run() {
    let world = visits();
    let mut together = world.together(3, QUERY);
    together.runs[1].threads = 3;
    let codes: Vec<_> = refused(together).iter().map(EngineError::code).collect();
    assert!(codes.contains(&"other-plan"), "{codes:?}");
    assert!(codes.iter().all(|code| ["other-plan", "peer"].contains(code)), "{codes:?}");
}

#[test]
fn a_value_that_stands_in_the_way_ends_it_everywhere_and_is_not_told() {
    let mut world = World::new(&["a"]);
    // Each file has a word that is none, so that all are of text; one of them is asked for.
    let tables = ["id,word\n1,1\n9,x\n", "id,word\n2,2\n9,x\n", "id,word\n3,Zanzibar\n9,x\n"];
    world.seal("a", "t", &tables);
    let errors = refused(world.together(3, "SELECT sum(CAST(word AS BIGINT)) FROM t WHERE id < 9"));
    let codes: Vec<_> = errors.iter().map(EngineError::code).collect();
    assert!(codes.contains(&"failed"), "{codes:?}");
    assert!(codes.iter().all(|code| ["failed", "peer"].contains(code)), "{codes:?}");
    assert!(errors.iter().all(|error| !format!("{error:?}{error}").contains("Zanzibar")));
}

#[test]
fn what_each_engine_would_make_something_else_of_is_refused_by_name() {
    let world = visits();
    for (query, name) in [
        ("SELECT count(*) FROM visits WHERE now() > '2020-01-01'", "now"),
        ("SELECT id, random() AS r FROM visits", "random"),
        (
            "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t",
            "RecursiveQueryExec",
        ),
    ] {
        for error in refused(world.together(3, query)) {
            assert_eq!(error.code(), "unsupported", "{query}: {error}");
            assert!(error.to_string().contains(name), "{query}: {error}");
        }
    }
}

fn run(world: &World, contract: &Contract) -> Run {
    Run {
        contract: text(contract),
        query: QUERY.to_owned(),
        inputs: world.inputs.clone(),
        released: Vec::new(),
        nonce: welkin_seal::Hex([0; 32]),
        output: world.fresh("out").join("result"),
        memory: 1 << 30,
        threads: 2,
        spill: None,
        gathered: None,
    }
}

#[test]
fn an_engine_runs_in_the_group_that_it_was_judged_in_or_not_at_all() {
    let world = visits();
    let three = world.contract_of(3, QUERY);
    let code = |engine: &mut Engine, run: &Run| engine.run(run).unwrap_err().code();
    // A contract of three, and two engines; the owners refuse it too (crates/seal).
    let folder = world.fresh("meet");
    let mut two = started(&[folder.clone(), folder]);
    let (answer, challenge) = answered(&mut two, &three);
    let gathered = Some(Gathered { peers: answer.peers });
    let run_of_two = Run { nonce: challenge.nonce, gathered, ..run(&world, &three) };
    assert_eq!(code(&mut two[0], &run_of_two), "bad-group");
    // One alone, and one that is told to run as if it were.
    let mut alone = Engine::new(simulated()).unwrap();
    let (_, challenge) = answered(std::slice::from_mut(&mut alone), &three);
    assert_eq!(code(&mut alone, &Run { nonce: challenge.nonce, ..run(&world, &three) }), "bad-group");
    let folder = world.fresh("meet");
    let mut engines = started(&vec![folder; 3]);
    let (answer, challenge) = answered(&mut engines, &three);
    let as_alone = Run { nonce: challenge.nonce, ..run(&world, &three) };
    assert_eq!(code(&mut engines[1], &as_alone), "bad-group");
    // Answers of others than those whom it met.
    let folder = world.fresh("meet");
    let mut others = started(&vec![folder; 3]);
    let (theirs, _) = answered(&mut others, &three);
    let gathered = Some(Gathered { peers: theirs.peers });
    assert_eq!(code(&mut engines[0], &Run { gathered, ..as_alone.clone() }), "bad-group");
    // Keys that were released to another group of the same engines' keys, or to none.
    let released = world.judged(&three, &answer, challenge);
    let gathered = Some(Gathered { peers: answer.peers });
    let mut moved = released.clone();
    moved.iter_mut().for_each(|key| key.group = None);
    let to_none = Run { released: moved, gathered: gathered.clone(), ..as_alone.clone() };
    assert_eq!(code(&mut engines[2], &to_none), "no-key");
    let mut elsewhere = released;
    elsewhere.iter_mut().for_each(|key| key.group = Some(welkin_seal::Hex([1; 32])));
    let to_others = Run { released: elsewhere, gathered, ..as_alone };
    assert_eq!(code(&mut others[2], &to_others), "other-session");
}

#[test]
fn an_engine_joins_a_group_that_it_is_in_once_and_before_all_else() {
    let world = visits();
    let new = || Engine::new(simulated()).unwrap();
    let members =
        |engines: &[&Engine]| engines.iter().map(|engine| engine.introduce()).collect::<Vec<Identity>>();
    let (mut first, second, third) = (new(), new(), new());
    let code = |engine: &mut Engine, members| engine.join(members, &world.fresh("meet")).unwrap_err().code();
    let without = members(&[&second, &third]);
    assert_eq!(code(&mut first, without), "bad-group");
    let twice = members(&[&first, &second, &first]);
    assert_eq!(code(&mut first, twice), "bad-group");
    let alone = members(&[&first]);
    assert_eq!(code(&mut first, alone), "bad-group");
    let all = members(&[&first, &second, &third]);
    first.join(all.clone(), &world.fresh("meet")).unwrap();
    assert_eq!(code(&mut first, all.clone()), "other-session");
    let mut asked = second;
    let (_, _) = answered(std::slice::from_mut(&mut asked), &world.contract_of(3, QUERY));
    assert_eq!(code(&mut asked, all), "other-session");
    assert_eq!(third.introduce(), third.introduce());
    let mut third = third;
    assert_eq!(third.meet().unwrap_err().code(), "other-session");
}
