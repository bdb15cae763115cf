//! Oblivious runs: the answers of ordinary ones, or a word for what there is none of.

use crate::world::World;
use arrow_array::{Date32Array, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::sync::Arc;
use welkin_seal::Manifest;

const OF_A: &str = "id,ward,age,weight,seen\n1,north,30,70.5,2024-01-02\n2,north,40,,2024-01-03\n3,south,50,81.25,\n\
    4,,60,64,2023-12-31\n5,Saint Bartholomew the Great,70,90.5,2024-02-29\n";
const OF_B: &str =
    "id,ward,age,weight,seen\n1,north,20,55.25,2024-01-02\n9,east,,60,2024-05-01\n10,east,41,,\n";
const WARDS: &str = "ward,beds,floor\nnorth,12,1\nsouth,7,2\nwest,9,2\n,1,0\n";

fn hospitals() -> World {
    let mut world = World::new(&["a", "b"]);
    world.seal("a", "patients", &[OF_A]);
    world.seal("b", "patients", &[OF_B]);
    world.seal("b", "wards", &[WARDS]);
    world
}

fn assert_equal(world: &World, query: &str) {
    let ordinary = world.ask(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let oblivious = world.ask_obliviously(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(oblivious, ordinary, "{query}");
    assert!(ordinary.lines().count() > 1, "{query} has an answer");
}

#[test]
fn answers_are_those_of_ordinary_runs() {
    let world = hospitals();
    for query in [
        "SELECT * FROM a.patients ORDER BY age DESC",
        "SELECT id, age FROM patients WHERE age > 30 AND ward <> 'south' ORDER BY id, age",
        "SELECT id, ward FROM patients WHERE ward IS NULL OR NOT age < 50 ORDER BY id",
        "SELECT id FROM patients WHERE ward IN ('east', 'south') ORDER BY id",
        "SELECT id FROM patients WHERE age BETWEEN 40 AND 60 ORDER BY id DESC",
        "SELECT id, seen FROM patients WHERE seen >= DATE '2024-01-02' ORDER BY seen, id",
        "SELECT id, age * 2 - 1 AS x, CASE WHEN age > 40 THEN 'old' WHEN ward = 'north' THEN ward END AS who
         FROM a.patients ORDER BY id",
        "SELECT ward, count(*) AS n, count(weight) AS w, sum(age) AS s, avg(age) AS mean, min(seen) AS first,
         max(weight) AS heaviest, avg(weight) AS weight FROM patients GROUP BY ward ORDER BY ward",
        "SELECT ward, age > 35 AS old, count(*) AS n FROM patients GROUP BY ward, age > 35 ORDER BY ward, old",
        "SELECT count(*) AS n, sum(weight) AS s, max(ward) AS w, avg(age) AS a FROM patients WHERE id > 1",
        "SELECT count(*) AS n, sum(age) AS s FROM patients WHERE id > 100",
        "SELECT count(*) AS n FROM patients",
        "SELECT ward FROM patients GROUP BY ward HAVING count(*) > 1 ORDER BY ward",
        "SELECT DISTINCT ward FROM patients ORDER BY ward NULLS FIRST",
        "SELECT p.id, w.beds FROM a.patients p JOIN wards w ON p.ward = w.ward ORDER BY p.id",
        "SELECT p.id, w.beds FROM a.patients p LEFT JOIN wards w ON p.ward = w.ward ORDER BY p.id",
        "SELECT w.ward, p.id FROM wards w RIGHT JOIN a.patients p ON p.ward = w.ward ORDER BY p.id",
        "SELECT w.floor, count(*) AS n, sum(p.age) AS s FROM patients p JOIN wards w ON p.ward = w.ward
         WHERE p.age > 10 AND w.beds > 5 GROUP BY w.floor ORDER BY s DESC LIMIT 1",
        "WITH n AS (SELECT ward, count(*) AS n FROM patients GROUP BY ward)
         SELECT n.n, p.id FROM n JOIN a.patients p ON n.ward = p.ward ORDER BY p.id",
        "SELECT id FROM patients ORDER BY age * -1 NULLS LAST, id LIMIT 3 OFFSET 2",
        "SELECT id, 'a' AS whose FROM a.patients UNION ALL SELECT id, 'other' FROM b.patients ORDER BY id, whose",
    ] {
        assert_equal(&world, query);
    }
}

#[test]
fn decimals_and_dates_stay_what_they_are() {
    let mut world = World::new(&["a"]);
    let decimals = |values: Vec<Option<i128>>| {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(15, 2).unwrap())
    };
    let batch = RecordBatch::try_from_iter([
        ("price", decimals(vec![Some(10_005), Some(-7), None, Some(99_999_999_999_999)]) as _),
        ("discount", decimals(vec![Some(5), Some(10), Some(1), Some(7)]) as _),
        ("day", Arc::new(Date32Array::from(vec![Some(9000), Some(-1), None, Some(19000)])) as _),
        ("at", Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None, Some(1), Some(1 << 50)])) as _),
        ("flag", Arc::new(StringArray::from(vec!["A", "R", "A", "N"])) as _),
    ])
    .unwrap();
    let path = world.path("lines.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    world.seal_files("a", ("lines", 1), &[path]);
    for query in [
        "SELECT sum(price * discount) AS revenue FROM lines WHERE day < DATE '2022-03-01' AND discount >= 0.05",
        "SELECT sum(price * (1 - discount)) AS s, count(at) AS n FROM lines",
        "SELECT flag, sum(price) AS s, min(price) AS low, max(discount) AS high, max(day) AS day, count(*) AS n
         FROM lines GROUP BY flag ORDER BY flag",
        "SELECT price + discount AS x, price - discount AS y, day, at FROM lines ORDER BY price",
    ] {
        assert_equal(&world, query);
    }
}

#[test]
fn what_there_is_no_oblivious_way_for_is_refused_by_its_name() {
    let world = hospitals();
    for (query, named) in [
        ("SELECT upper(ward) AS w FROM patients", "the function `upper`"),
        ("SELECT id FROM patients WHERE ward LIKE 'n%h'", "patterns of text"),
        ("SELECT id / 2 AS half FROM patients", "the operator `/`"),
        ("SELECT id, rank() OVER (ORDER BY age) AS r FROM patients", "window functions"),
        ("SELECT median(age) AS m FROM patients", "the aggregate `median`"),
        ("SELECT count(DISTINCT ward) AS a, count(DISTINCT age) AS b FROM patients", "DISTINCT"),
        ("SELECT x.id, y.age FROM a.patients x CROSS JOIN b.patients y", "joins without a key"),
        ("SELECT x.id, y.id AS other FROM a.patients x FULL JOIN b.patients y ON x.id = y.id", "Full joins"),
        (
            "SELECT id FROM a.patients x WHERE EXISTS (SELECT 1 FROM b.patients y WHERE y.ward = x.ward)",
            "LeftSemi joins",
        ),
        ("SELECT weight FROM patients GROUP BY weight", "floating-point"),
    ] {
        assert!(world.ask(query).is_ok(), "{query} runs in the ordinary way");
        let error = world.ask_obliviously(query).unwrap_err();
        assert_eq!(error.code(), "not-oblivious", "{query}: {error}");
        assert!(error.to_string().contains(named), "{query}: {error}");
    }
    let error = world
        .ask_obliviously("SELECT x.id FROM a.patients x JOIN b.patients y ON x.ward = y.ward")
        .unwrap_err();
    assert!(error.code() == "failed" && error.to_string().contains("a key in more than one row"), "{error}");
}

#[test]
fn an_oblivious_run_has_its_bounds() {
    let world = hospitals();
    let query = "SELECT ward, count(*) AS n FROM patients GROUP BY ward";
    let oblivious = |least| Manifest { oblivious: true, ..world.manifest(query, least) };
    let mut job = world.job_of(world.signed(oblivious(1)), query);
    job.run.memory = 1000;
    assert_eq!(job.engine.run(&job.run).unwrap_err().code(), "memory");
    let mut job = world.job_of(world.signed(oblivious(2)), query);
    assert_eq!(job.engine.run(&job.run).unwrap_err().code(), "unsupported");
    assert!(!job.run.output.exists());
}
