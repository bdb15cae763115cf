//! Noise: what there is without it, that it is there, and what is refused.

use crate::queries::{OF_A, OF_B};
use crate::tpch::python;
use crate::world::World;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use welkin_seal::{Bounds, Noise};

/// So much that noise is drawn once in e^1000 runs.
const NO_NOISE: u64 = 1 << 50;

fn hospitals(budget: u64) -> World {
    let mut world = World::new(&["a", "b"]);
    world.budget = Some(budget);
    world.seal("a", "patients", &[OF_A]);
    world.seal("b", "patients", &[OF_B]);
    world
}

fn noise(person: Option<(&str, u64)>, groups: &[(&str, &[&str])], bounds: &[(&str, i64, i64, u8)]) -> Noise {
    let listed = |values: &&[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    Noise {
        person: person.map(|(column, _)| column.to_owned()),
        per_person: person.map_or(1, |(_, rows)| rows),
        groups: groups.iter().map(|(column, values)| ((*column).to_owned(), listed(values))).collect(),
        bounds: bounds
            .iter()
            .map(|(column, low, high, digits)| {
                ((*column).to_owned(), Bounds { low: *low, high: *high, digits: *digits })
            })
            .collect(),
    }
}

/// Wards, in the order of contracts.
const WARDS: &[(&str, &[&str])] = &[("ward", &["east", "north", "south", "west"])];

#[test]
fn groups_are_those_of_the_contract_and_values_are_clamped() {
    let world = hospitals(NO_NOISE);
    let ask = |query: &str, noise: &Noise| world.ask_privately(query, NO_NOISE, noise).unwrap();
    let plain = noise(None, WARDS, &[("age", 25, 45, 0)]);
    let query =
        "SELECT ward, count(*) AS n, sum(age) AS s, avg(age) AS m FROM patients GROUP BY ward ORDER BY ward";
    assert_eq!(
        ask(query, &plain),
        "ward,n,s,m\neast,1,45,45.0\nnorth,3,95,31.666666\nsouth,1,45,45.0\nwest,0,0,35.0\n",
        "20 is 25, 50 and 60 are 45, and an empty group is there"
    );
    // One that the contract does not name is not there.
    let fewer = noise(None, &[("ward", &["north"])], &[]);
    assert_eq!(ask("SELECT ward, count(*) AS n FROM patients GROUP BY ward", &fewer), "ward,n\nnorth,3\n");
    assert_eq!(ask("SELECT count(*) AS n FROM patients", &fewer), "n\n5\n");
    // Whatever is done with groups above.
    let above = "WITH per AS (SELECT ward, count(age) AS n FROM patients WHERE age > 25 GROUP BY ward)
        SELECT upper(ward) AS ward, n, sum(n) OVER (ORDER BY ward) AS so_far FROM per WHERE n > 0 ORDER BY n DESC, ward LIMIT 2";
    assert_eq!(ask(above, &plain), "ward,n,so_far\nNORTH,2,3\nEAST,1,1\n");
    let bands = "SELECT band, count(*) AS n FROM
        (SELECT CASE WHEN age < 40 THEN 'young' ELSE 'old' END AS band FROM patients) t GROUP BY band ORDER BY band";
    assert_eq!(ask(bands, &noise(None, &[("band", &["old", "young"])], &[])), "band,n\nold,3\nyoung,2\n");
    let dated = "SELECT count(*) AS n FROM patients WHERE floor(age * 0.5) < 20.0 AND ward LIKE 'n%'
        AND date_part('year', TRY_CAST('2026-01-02' AS DATE)) = 2026 AND upper(ward) = 'NORTH'";
    assert_eq!(ask(dated, &plain), "n\n2\n");
    let by_number = noise(None, &[("id", &["1", "3", "77"])], &[]);
    let query = "SELECT id, count(*) AS n FROM patients GROUP BY id ORDER BY id";
    assert_eq!(ask(query, &by_number), "id,n\n1,2\n3,1\n77,0\n");
}

#[test]
fn so_many_rows_of_a_person_count_as_were_agreed_on() {
    let world = hospitals(NO_NOISE);
    let ask = |query: &str, rows| {
        world
            .ask_privately(query, NO_NOISE, &noise(Some(("id", rows)), WARDS, &[("age", 0, 100, 0)]))
            .unwrap()
    };
    // Number 1 is a patient of both, with 30 years in one place and 20 in the other.
    let query = "SELECT count(*) AS n, sum(age) AS s FROM patients";
    assert_eq!(ask(query, 1), "n,s\n4,180\n", "the first in the order of the files");
    assert_eq!(ask(query, 2), "n,s\n5,200\n");
    let twice = "SELECT count(*) AS n FROM (SELECT * FROM a.patients UNION ALL SELECT * FROM a.patients) t";
    assert_eq!(ask(twice, 1), "n\n3\n");
    let renamed = "SELECT count(*) AS n FROM (SELECT ward AS id FROM patients) t";
    let error = world.ask_privately(renamed, 1, &noise(Some(("id", 1)), &[], &[])).unwrap_err();
    assert_eq!(error.code(), "not-private");
    assert!(error.to_string().contains("as it is there"), "{error}");
}

#[test]
fn without_noise_the_answers_are_those_of_an_oracle() {
    let Some(python) = python("without_noise_the_answers_are_those_of_an_oracle") else { return };
    let mut world = World::new(&["a", "b"]);
    world.budget = Some(NO_NOISE);
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut files = Vec::new();
    for (party, count) in [("a", 2), ("b", 1)] {
        let tables: Vec<String> = (0..count)
            .map(|_| {
                let mut text = "person,ward,age,wage\n".to_owned();
                for _ in 0..400 {
                    let person = if draw(20) == 0 { String::new() } else { format!("p{}", draw(150)) };
                    let ward = ["north", "south", "west", ""][usize::try_from(draw(4)).unwrap()];
                    let age = if draw(9) == 0 { String::new() } else { (draw(300) as i64 - 100).to_string() };
                    let wage = format!("{}.{}", draw(2000) as i64 - 500, draw(4) * 25);
                    text += &format!("{person},{ward},{age},{wage}\n");
                }
                text
            })
            .collect();
        for (number, text) in tables.iter().enumerate() {
            let path = world.path(&format!("of-{party}-{number}.csv"));
            fs::write(&path, text).unwrap();
            files.push(path);
        }
        world.seal(party, "stays", &tables.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let terms = noise(
        Some(("person", 3)),
        &[("ward", &["east", "north", "south"])],
        &[("age", 0, 120, 0), ("wage", -1000, 100_050, 2), ("exact", -1000, 100_050, 2)],
    );
    let query = "SELECT ward, count(*) AS n, count(age) AS present, sum(age) AS age, avg(age) AS mean, sum(wage) AS wage,
        avg(wage) AS fair, sum(exact) AS exact, avg(exact) AS even
        FROM (SELECT *, TRY_CAST(wage AS DECIMAL(10, 2)) AS exact FROM stays) t WHERE age < 180 OR age IS NULL
        GROUP BY ward ORDER BY ward";
    let answer = world.ask_privately(query, NO_NOISE, &terms).unwrap();
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/private/oracle.py");
    let told = Command::new(&python).arg(oracle).args(&files).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let rows = |text: &str| -> BTreeMap<String, Vec<f64>> {
        let row = |line: &str| {
            let (ward, rest) = line.split_once(',').unwrap();
            (ward.to_owned(), rest.split(',').map(|value| value.parse().unwrap()).collect())
        };
        text.lines().skip(1).map(row).collect()
    };
    let (found, expected) = (rows(&answer), rows(&String::from_utf8(told.stdout).unwrap()));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["east", "north", "south"]);
    assert_eq!(expected.len(), 3);
    for (ward, expected) in &expected {
        assert_eq!(found[ward].len(), expected.len());
        for (found, expected) in found[ward].iter().zip(expected) {
            assert!((found - expected).abs() < 0.000_002, "{ward}: {found}, {expected}\n{answer}");
        }
    }
    assert!(expected["north"][0] > 100.0, "{expected:?}");
}

#[test]
fn noise_is_there_and_as_large_as_agreed() {
    let world = hospitals(1000);
    let ask = |query: &str, terms: &Noise| world.ask_privately(query, 100, terms).unwrap();
    let count = || {
        let answer = ask("SELECT count(*) AS n FROM patients", &noise(None, &[], &[]));
        answer.lines().nth(1).unwrap().parse::<i64>().unwrap()
    };
    let off: Vec<i64> = (0..40).map(|_| (count() - 5).abs()).collect();
    // Scale 10: the mean of forty magnitudes lies five deviations around it.
    let mean = off.iter().sum::<i64>() as f64 / 40.0;
    assert!((2.0..18.0).contains(&mean), "{off:?}");
    // An aggregate that stands there twice has one answer, and costs once.
    let twice = "WITH per AS (SELECT count(*) AS n FROM patients) SELECT x.n AS x, y.n AS y FROM per x CROSS JOIN per y";
    let answer = ask(twice, &noise(None, &[], &[]));
    let (x, y) = answer.lines().nth(1).unwrap().split_once(',').unwrap();
    assert_eq!(x, y);
    // What is summed up within a bound of nothing is known, and everything else is not.
    let known = ask("SELECT sum(age) AS s FROM patients", &noise(None, &[], &[("age", 0, 0, 0)]));
    assert_eq!(known, "s\n0\n");
}

#[test]
fn what_noise_does_not_hide_is_refused_by_name() {
    let world = hospitals(1000);
    let terms = noise(None, WARDS, &[("age", 0, 120, 0)]);
    for (query, why) in [
        ("SELECT * FROM a.patients", "come out as they are"),
        ("SELECT DISTINCT ward FROM a.patients", "come out as they are"),
        (
            "SELECT ward FROM a.patients UNION ALL SELECT ward FROM patients GROUP BY ward",
            "come out as they are",
        ),
        ("SELECT id, count(*) AS n FROM patients GROUP BY id", "names no groups of `id`"),
        ("SELECT ward, sum(id) AS s FROM patients GROUP BY ward", "names no bounds of `id`"),
        ("SELECT sum(age + 1) AS s FROM patients", "computed within"),
        (
            "SELECT upper(ward) AS w, count(*) AS n FROM patients GROUP BY upper(ward)",
            "computed within GROUP BY",
        ),
        ("SELECT max(age) AS m FROM patients", "no noise for `max`"),
        ("SELECT median(age) AS m FROM patients", "no noise for `median`"),
        ("SELECT count(DISTINCT ward) AS n FROM patients", "DISTINCT"),
        ("SELECT sum(age) FILTER (WHERE id = 1) AS s FROM patients", "FILTER"),
        ("SELECT ward, count(*) AS n FROM patients GROUP BY ROLLUP (ward)", "computed within GROUP BY"),
        ("SELECT count(*) AS n FROM a.patients x JOIN b.patients y ON x.id = y.id", "joined"),
        ("SELECT count(*) AS n FROM a.patients x CROSS JOIN (VALUES (1), (2)) AS t(v)", "joined"),
        ("SELECT count(*) AS n FROM (SELECT * FROM a.patients LIMIT 1) t", "`Limit` below an aggregate"),
        ("SELECT count(*) AS n FROM (SELECT DISTINCT ward FROM a.patients) t", "below an aggregate"),
        (
            "SELECT sum(age) AS s FROM (SELECT first_value(age) OVER (ORDER BY id) AS age FROM patients) t",
            "below an aggregate",
        ),
        ("SELECT count(*) AS n FROM a.patients WHERE id IN (SELECT id FROM b.patients)", "subqueries"),
        (
            "SELECT count(*) AS n FROM patients HAVING count(*) > (SELECT max(age) FROM patients)",
            "subqueries",
        ),
        (
            "SELECT count(*) AS n FROM (SELECT * FROM a.patients UNION ALL SELECT * FROM a.patients) t",
            "twice",
        ),
        // What one row could make fail.
        ("SELECT count(*) AS n FROM patients WHERE 1 / (age - 30) > 0", "not known to"),
        ("SELECT count(*) AS n FROM patients WHERE CAST(ward AS INT) > 0", "TRY_CAST would"),
        ("SELECT count(*) AS n FROM patients WHERE ward > 5", "TRY_CAST would"),
        ("SELECT count(*) AS n FROM patients WHERE CAST(age AS DECIMAL(38, 0)) * 3 > 5", "not known to"),
        ("SELECT count(*) AS n FROM patients WHERE repeat(ward, age) = ''", "the function `repeat`"),
        ("SELECT count(*) AS n FROM patients WHERE random() > 0.5", "the function `random`"),
        // What fails whatever is in the row, but only where there is a row that comes to it.
        (
            "SELECT count(*) AS n FROM patients WHERE CASE WHEN id = 1 THEN date_part('no part', DATE '2026-01-01') > 1 ELSE true END",
            "the function `date_part`",
        ),
        (
            "SELECT count(*) AS n FROM patients WHERE CASE WHEN id = 1 THEN TRY_CAST(ward AS TIMESTAMP) IS NULL ELSE true END",
            "not known to",
        ),
        // What is doubled as often as a query can fills the memory, where there is a row with it.
        (
            "SELECT count(*) AS n FROM (SELECT ward || ward AS w FROM patients) t WHERE w || w = ''",
            "not known to",
        ),
        ("SELECT count(*) AS n FROM patients WHERE floor(CAST(age AS DECIMAL(38, 0))) > 5", "not known to"),
    ] {
        let error = world.ask_privately(query, 100, &terms).unwrap_err();
        assert_eq!(error.code(), "not-private", "{query}: {error}");
        assert!(error.to_string().contains(why), "{query}: {error}");
    }
    let odd = noise(None, &[("id", &["01"])], &[]);
    let query = "SELECT id, count(*) AS n FROM patients GROUP BY id";
    let error = world.ask_privately(query, 100, &odd).unwrap_err();
    assert!(error.to_string().contains("`01` is no value"), "{error}");
    let fine = noise(None, &[], &[("age", 0, 12_000, 2)]);
    let error = world.ask_privately("SELECT sum(age) AS s FROM patients", 100, &fine).unwrap_err();
    assert!(error.to_string().contains("more digits"), "{error}");
    let wide = noise(Some(("id", u64::MAX)), &[], &[("age", i64::MIN, i64::MAX, 0)]);
    let error = world.ask_privately("SELECT sum(age) AS s FROM patients", 1, &wide).unwrap_err();
    assert!(error.to_string().contains("too wide"), "{error}");
}

#[test]
fn an_engine_asks_for_a_budget_and_for_noise_where_there_is_one() {
    let query = "SELECT count(*) AS n FROM patients";
    let code = |world: &World, epsilon: Option<u64>| {
        let mut manifest = world.manifest(query, 1);
        manifest.privacy.epsilon_milli = epsilon;
        let mut job = world.job_of(world.signed(manifest), query);
        let ran = job.engine.run(&job.run);
        assert!(!job.run.output.exists() || ran.is_ok());
        ran.map_or_else(|error| error.code(), |_| "ran")
    };
    let (budgeted, open) = (hospitals(1000), crate::queries::hospitals());
    assert_eq!(code(&budgeted, None), "no-noise");
    assert_eq!(code(&open, Some(1000)), "no-budget");
    assert_eq!(code(&budgeted, Some(1001)), "budget");
    assert_eq!(code(&budgeted, Some(1000)), "ran");
    for change in [
        &|manifest: &mut welkin_seal::Manifest| manifest.oblivious = true,
        &|manifest: &mut welkin_seal::Manifest| manifest.privacy.minimum_group = 2,
    ] as [&dyn Fn(&mut welkin_seal::Manifest); 2]
    {
        let mut manifest = budgeted.manifest(query, 1);
        manifest.privacy.epsilon_milli = Some(1000);
        change(&mut manifest);
        let mut job = budgeted.job_of(budgeted.signed(manifest), query);
        assert_eq!(job.engine.run(&job.run).unwrap_err().code(), "unsupported");
    }
}

#[test]
fn room_for_persons_goes_by_what_was_signed() {
    let world = hospitals(1000);
    let query = "SELECT count(*) AS n FROM patients";
    let mut manifest = world.manifest(query, 1);
    manifest.privacy.epsilon_milli = Some(1000);
    manifest.privacy.noise = Some(noise(Some(("id", 1)), &[], &[]));
    let mut job = world.job_of(world.signed(manifest), query);
    job.run.memory = 5 * 48 - 1;
    assert_eq!(job.engine.run(&job.run).unwrap_err().code(), "memory");
}
