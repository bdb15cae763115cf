//! What queries can name and do.

use crate::world::World;
use welkin_enclave::Form;

pub(crate) const OF_A: &str = "id,ward,age\n1,north,30\n2,north,40\n3,south,50\n";
pub(crate) const OF_B: &str = "id,ward,age\n1,north,20\n9,east,60\n";

pub(crate) fn hospitals() -> World {
    let mut world = World::new(&["a", "b"]);
    world.seal("a", "patients", &[OF_A]);
    world.seal("b", "patients", &[OF_B]);
    world
}

#[test]
fn tables_are_named_by_party_or_taken_together() {
    let mut world = hospitals();
    world.seal("b", "wards", &["ward,beds\nnorth,12\n"]);
    let ask = |query: &str| world.ask(query).unwrap();
    assert_eq!(ask("SELECT count(*) AS n FROM a.patients"), "n\n3\n");
    assert_eq!(ask("SELECT count(*) AS n FROM patients"), "n\n5\n");
    assert_eq!(ask("SELECT ward, beds FROM wards"), "ward,beds\nnorth,12\n");
    let joined = "SELECT x.id, y.age FROM a.patients x JOIN b.patients y ON x.id = y.id";
    assert_eq!(ask(joined), "id,age\n1,20\n");
    assert_eq!(ask("SELECT id FROM \"b\".\"patients@1\" ORDER BY id"), "id\n1\n9\n");
}

#[test]
fn other_columns_and_versions_are_told_apart() {
    let mut world = hospitals();
    let second = world.path("second.csv");
    std::fs::write(&second, "id,ward,age\n5,west,70\n").unwrap();
    world.seal_files("b", ("patients", 2), &[second]);
    let error = world.ask("SELECT * FROM b.patients").unwrap_err().to_string();
    assert!(error.contains("b.patients@1") && error.contains("b.patients@2"), "{error}");
    assert_eq!(world.ask("SELECT id FROM b.\"patients@2\"").unwrap(), "id\n5\n");
    let mut world = World::new(&["a", "b"]);
    world.seal("a", "t", &["x\n1\n"]);
    world.seal("b", "t", &["y\n1\n"]);
    let error = world.ask("SELECT * FROM t").unwrap_err().to_string();
    assert!(error.contains("there are a.t") && error.contains("b.t"), "{error}");
}

#[test]
fn queries_do_what_analysts_ask() {
    let world = hospitals();
    let ask = |query: &str| world.ask(query).unwrap();
    let windows =
        "SELECT id, rank() OVER (PARTITION BY ward ORDER BY age DESC) AS place FROM a.patients ORDER BY id";
    assert_eq!(ask(windows), "id,place\n1,2\n2,1\n3,1\n");
    let outer =
        "WITH both AS (SELECT x.id AS a, y.id AS b FROM a.patients x FULL JOIN b.patients y ON x.id = y.id)
        SELECT count(a) AS a, count(b) AS b, count(*) AS n FROM both";
    assert_eq!(ask(outer), "a,b,n\n3,2,4\n");
    let exists = "SELECT id FROM a.patients x WHERE EXISTS (SELECT 1 FROM b.patients y WHERE y.ward = x.ward) ORDER BY id";
    assert_eq!(ask(exists), "id\n1\n2\n");
    let decimals = "SELECT sum(CAST(age AS DECIMAL(10, 2)) / 3) AS s FROM a.patients";
    assert_eq!(ask(decimals), "s\n39.999999\n");
    let vectors = "SELECT array_length([1, 2, 3]) AS n, array_distance([1.0, 2.0], [4.0, 6.0]) AS d";
    assert_eq!(ask(vectors), "n,d\n3,5.0\n");
    assert_eq!(ask("SELECT id FROM a.patients WHERE id > 99"), "id\n");
    assert_eq!(ask("VALUES (1), (2)"), "column1\n1\n2\n");
}

#[test]
fn a_result_says_what_made_it() {
    let world = hospitals();
    let job = world.job("SELECT ward, age FROM a.patients WHERE id = 3", 1);
    let (folder, ran) = world.done(job).unwrap();
    assert_eq!(ran.rows, 1);
    assert_eq!(world.opened(&folder, Form::Json), b"{\"ward\":\"south\",\"age\":50}\n");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(5).any(|window| window == b"south"), "a value lies in the open");
    }
}
