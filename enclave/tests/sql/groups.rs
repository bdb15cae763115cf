//! The smallest group: what is left out, and what cannot be seen to.

use crate::queries::hospitals;
use crate::world::World;

#[test]
fn small_groups_are_left_out() {
    let world = hospitals();
    let query = "SELECT ward, count(*) AS n, avg(age) AS age FROM patients GROUP BY ward ORDER BY ward";
    let ask = |least| world.ask_of_groups(query, least).unwrap();
    assert_eq!(ask(1), "ward,n,age\neast,1,60.0\nnorth,3,30.0\nsouth,1,50.0\n");
    assert_eq!(ask(2), "ward,n,age\nnorth,3,30.0\n");
    assert_eq!(ask(4), "ward,n,age\n");
    assert_eq!(world.ask_of_groups("SELECT sum(age) AS s FROM b.patients", 2).unwrap(), "s\n80\n");
    assert_eq!(world.ask_of_groups("SELECT sum(age) AS s FROM b.patients", 3).unwrap(), "s\n");
    let having = "SELECT ward FROM patients WHERE age > 25 GROUP BY ward HAVING count(*) >= 1 ORDER BY ward";
    assert_eq!(world.ask_of_groups(having, 2).unwrap(), "ward\nnorth\n");
}

#[test]
fn a_row_that_a_join_repeats_is_one_row() {
    let mut world = World::new(&["a", "b"]);
    world.seal("a", "patients", &["id,ward\n1,north\n2,south\n", "id,ward\n3,south\n4,south\n"]);
    world.seal("b", "visits", &["patient,cost\n1,5\n1,6\n1,7\n2,8\n3,9\n4,1\n"]);
    let joined = "SELECT p.ward, count(*) AS n FROM a.patients p JOIN b.visits v ON v.patient = p.id
        GROUP BY p.ward ORDER BY p.ward";
    let ask = |query: &str, least| world.ask_of_groups(query, least).unwrap();
    assert_eq!(ask(joined, 1), "ward,n\nnorth,3\nsouth,3\n");
    assert_eq!(ask(joined, 2), "ward,n\nsouth,3\n", "three visits of one patient");
    assert_eq!(ask(joined, 3), "ward,n\nsouth,3\n", "rows of two files are different rows");
    let crossed = "SELECT count(*) AS n FROM a.patients p CROSS JOIN (VALUES (1), (2), (3)) AS t(x)";
    assert_eq!(ask(crossed, 4), "n\n12\n");
    assert_eq!(ask(crossed, 5), "n\n");
    let twice =
        "SELECT ward, count(*) AS n FROM (SELECT * FROM a.patients UNION ALL SELECT * FROM a.patients) t
        GROUP BY ward ORDER BY ward";
    assert_eq!(ask(twice, 2), "ward,n\nsouth,6\n", "the same row twice is one row");
    let outer = "SELECT p.ward, count(v.cost) AS n FROM a.patients p LEFT JOIN b.visits v ON v.patient = p.id AND v.cost > 7
        GROUP BY p.ward ORDER BY p.ward";
    assert_eq!(ask(outer, 1), "ward,n\nnorth,0\nsouth,2\n");
    assert_eq!(ask(outer, 3), "ward,n\n", "rows that have no partner are few of the other's");
    let nested =
        "WITH per AS (SELECT ward, count(*) AS n FROM a.patients GROUP BY ward) SELECT sum(n) AS n FROM per";
    assert_eq!(ask(nested, 2), "n\n3\n", "what is left out below is left out above");
}

#[test]
fn what_cannot_be_seen_to_is_refused() {
    let world = hospitals();
    for (query, why) in [
        ("SELECT * FROM a.patients", "come out as they are"),
        ("SELECT DISTINCT ward FROM a.patients", "come out as they are"),
        ("SELECT id, count(*) OVER () AS n FROM a.patients", "come out as they are"),
        ("SELECT ward, max(age) AS oldest FROM a.patients GROUP BY ward", "value of a single row"),
        ("SELECT array_agg(age) AS ages FROM a.patients", "value of a single row"),
        ("SELECT median(age) AS m FROM a.patients", "value of a single row"),
        ("SELECT sum(age) FILTER (WHERE id = 1) AS s FROM a.patients", "FILTER"),
        ("SELECT ward, count(*) AS n FROM a.patients GROUP BY ROLLUP (ward)", "ROLLUP"),
        ("SELECT count(*) AS n FROM a.patients WHERE id IN (SELECT id FROM b.patients)", "subquery"),
        ("SELECT (SELECT age FROM a.patients LIMIT 1) AS age, count(*) AS n FROM b.patients", "subquery"),
        ("SELECT count(*) AS n FROM (SELECT DISTINCT ward FROM a.patients) t", "below an aggregate"),
        (
            "SELECT count(*) AS n FROM a.patients x LEFT SEMI JOIN b.patients y ON x.id = y.id",
            "join cannot be seen to",
        ),
        (
            "SELECT sum(oldest) AS s FROM (SELECT first_value(age) OVER (ORDER BY age DESC) AS oldest FROM a.patients) t",
            "a window below",
        ),
        ("SELECT age FROM a.patients UNION ALL SELECT count(*) FROM b.patients", "come out as they are"),
    ] {
        let error = world.ask_of_groups(query, 2).unwrap_err();
        assert_eq!(error.code(), "small-groups", "{query}: {error}");
        assert!(error.to_string().contains(why), "{query}: {error}");
    }
}
