//! Tables of any kinds, sorted, grouped and joined by any columns: row by row what whoever goes through lists gets, in the same order.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use std::cmp::Ordering;
use std::collections::BTreeMap;
use welkin_oblivious::{
    Call, Expr, Function, Kind, Plan, SortKey, Table, of_decimal, of_float, of_int, of_text, to_decimal,
    to_float, to_int, to_text,
};

type Random = fastrand::Rng;
/// Words of a value, if there is one.
type Value = Option<Vec<u64>>;
type Rows = Vec<Vec<Value>>;

fn kind(random: &mut Random) -> Kind {
    let words = random.usize(..4);
    [Kind::Bool, Kind::Int, Kind::Int, Kind::Decimal(1), Kind::Float, Kind::Text(words)][random.usize(..6)]
}

/// One of few, so that some are equal, or of all.
fn value(kind: Kind, random: &mut Random) -> Value {
    let few = random.bool();
    (random.u8(..6) > 0).then(|| match kind {
        Kind::Bool => vec![random.u64(..2)],
        Kind::Int if few => vec![of_int(random.i64(-2..3))],
        Kind::Int => vec![of_int([i64::MIN, i64::MAX, random.i64(..)][random.usize(..3)])],
        Kind::Decimal(_) if few => of_decimal(random.i128(-2..3)).to_vec(),
        Kind::Decimal(_) => of_decimal([i128::MIN, i128::MAX, random.i128(..)][random.usize(..3)]).to_vec(),
        Kind::Float if few => vec![of_float([-0.5, 0.0, 1e9][random.usize(..3)])],
        Kind::Float => vec![of_float(random.f64() - 0.5)],
        Kind::Text(words) => {
            let length = random.usize(..=8 * words);
            let text: String = (0..length).map(|_| if few { 'a' } else { random.alphabetic() }).collect();
            of_text(&text, words)
        }
    })
}

fn rows(kinds: &[Kind], count: usize, random: &mut Random) -> Rows {
    (0..count).map(|_| kinds.iter().map(|kind| value(*kind, random)).collect()).collect()
}

fn table(kinds: &[Kind], rows: &Rows) -> Table {
    let mut table = Table::new(kinds.to_vec(), rows.len());
    for (number, row) in rows.iter().enumerate() {
        for (column, value) in row.iter().enumerate() {
            if let Some(words) = value {
                table.put(number, column, words);
            }
        }
    }
    table
}

fn answer(plan: &Plan, tables: &[Table]) -> Rows {
    let answer = plan.run(tables).unwrap();
    let value = |row, column| answer.value(row, column).map(<[u64]>::to_vec);
    let columns = answer.kinds().len();
    (0..answer.count()).map(|row| (0..columns).map(|column| value(row, column)).collect()).collect()
}

/// Of a table whose first column says which rows count.
fn filtered(number: usize) -> Box<Plan> {
    Box::new(Plan::Filter(Box::new(Plan::Scan(number)), Expr::Column(0)))
}

fn counting(rows: &Rows) -> Rows {
    rows.iter().filter(|row| row[0] == Some(vec![1])).cloned().collect()
}

fn columns(kinds: &[Kind], random: &mut Random) -> Vec<usize> {
    (0..random.usize(1..4)).map(|_| random.usize(..kinds.len())).collect()
}

fn cases(seed: u64, mut case: impl FnMut(&[Kind], &Rows, &mut Random)) {
    let mut random = Random::with_seed(seed);
    for number in 0..150 {
        let kinds: Vec<Kind> =
            [Kind::Bool].into_iter().chain((0..random.usize(1..6)).map(|_| kind(&mut random))).collect();
        let count = if number < 100 { random.usize(..80) } else { random.usize(..900) };
        let rows = rows(&kinds, count, &mut random);
        case(&kinds, &rows, &mut random);
    }
}

#[test]
fn sorted() {
    cases(1, |kinds, rows, random| {
        let columns = columns(kinds, random);
        let key = |column| SortKey { column, descending: random.bool(), nulls_first: random.bool() };
        let keys: Vec<SortKey> = columns.into_iter().map(key).collect();
        let mut expected = counting(rows);
        expected.sort_by(|a, b| {
            let by = |key: &SortKey| match (&a[key.column], &b[key.column]) {
                (Some(a), Some(b)) if key.descending => b.cmp(a),
                (Some(a), Some(b)) => a.cmp(b),
                (a, b) if key.nulls_first => a.is_some().cmp(&b.is_some()),
                (a, b) => a.is_none().cmp(&b.is_none()),
            };
            keys.iter().map(by).fold(Ordering::Equal, Ordering::then)
        });
        let plan = Plan::Sort(filtered(0), keys.clone());
        assert_eq!(answer(&plan, &[table(kinds, rows)]), expected, "{kinds:?} by {keys:?}");
    });
}

/// What a function makes of the values of a group.
fn called(function: Function, kind: Kind, values: &[Vec<u64>]) -> Value {
    if function == Function::Count {
        return Some(vec![of_int(values.len() as i64)]);
    }
    let float = || values.iter().fold(0.0, |sum, words| sum + to_float(words[0]));
    let (first, rest) = values.split_first()?;
    Some(match (function, kind) {
        (Function::Sum, Kind::Int) => {
            vec![of_int(values.iter().fold(0, |sum: i64, words| sum.wrapping_add(to_int(words[0]))))]
        }
        (Function::Sum, Kind::Decimal(_)) => {
            let sum = values.iter().fold(0, |sum: i128, words| sum.wrapping_add(to_decimal(words)));
            of_decimal(sum).to_vec()
        }
        (Function::Sum, _) => vec![of_float(float())],
        (Function::Average, _) => vec![of_float(float() / values.len() as f64)],
        (Function::Least, _) => rest.iter().fold(first, |a, b| a.min(b)).clone(),
        _ => rest.iter().fold(first, |a, b| a.max(b)).clone(),
    })
}

#[test]
fn grouped() {
    cases(2, |kinds, rows, random| {
        let keys = columns(kinds, random);
        let mut calls = vec![Call { function: Function::Count, column: None }];
        for (column, kind) in kinds.iter().enumerate() {
            let all =
                [Function::Least, Function::Greatest, Function::Count, Function::Sum, Function::Average];
            let there = match kind {
                Kind::Float => 5,
                Kind::Int | Kind::Decimal(_) => 4,
                Kind::Bool | Kind::Text(_) => 3,
            };
            calls.push(Call { function: all[random.usize(..there)], column: Some(column) });
        }
        // Those without a value come last.
        let mut groups: BTreeMap<Vec<(bool, Value)>, Rows> = BTreeMap::new();
        for row in counting(rows) {
            let key = keys.iter().map(|key| (row[*key].is_none(), row[*key].clone())).collect();
            groups.entry(key).or_default().push(row);
        }
        let expected = groups.iter().map(|(key, rows)| {
            let results = calls.iter().map(|call| match call.column {
                None => Some(vec![of_int(rows.len() as i64)]),
                Some(column) => {
                    let values: Vec<Vec<u64>> = rows.iter().filter_map(|row| row[column].clone()).collect();
                    called(call.function, kinds[column], &values)
                }
            });
            key.iter().map(|(_, value)| value.clone()).chain(results).collect()
        });
        let expected: Rows = expected.collect();
        let plan = Plan::Group(filtered(0), keys.clone(), calls.clone());
        assert_eq!(answer(&plan, &[table(kinds, rows)]), expected, "{kinds:?} by {keys:?}: {calls:?}");
    });
}

/// What is compared, whatever the width of a text's column is.
fn comparable(kind: Kind, words: &[u64]) -> (String, Vec<u64>) {
    match kind {
        Kind::Text(_) => (to_text(words), Vec::new()),
        _ => (String::new(), words.to_vec()),
    }
}

#[test]
fn joined() {
    cases(3, |kinds, left, random| {
        let mut on = Vec::new();
        let mut others = vec![Kind::Bool];
        for column in columns(kinds, random) {
            on.push((column, others.len()));
            others.push(match kinds[column] {
                Kind::Text(_) => Kind::Text(random.usize(..4)),
                kind => kind,
            });
        }
        others.extend((0..random.usize(..3)).map(|_| kind(random)));
        let key = |row: &Vec<Value>, side: usize| {
            let of = |(a, b): &(usize, usize)| {
                let (kind, column) = if side == 0 { (kinds[*a], *a) } else { (others[*b], *b) };
                row[column].as_ref().map(|words| comparable(kind, words))
            };
            on.iter().map(of).collect::<Option<Vec<_>>>()
        };
        // Each key once, of those that count and have one.
        let mut known = BTreeMap::new();
        let right = rows(&others, random.usize(..200), random).into_iter().filter(|row| {
            let counted = row[0] == Some(vec![1]);
            match key(row, 1).filter(|_| counted) {
                Some(key) => known.insert(key, row.clone()).is_none(),
                None => true,
            }
        });
        let right: Rows = right.collect();
        // The first of a key was kept.
        let known: BTreeMap<_, _> =
            counting(&right).into_iter().filter_map(|row| Some((key(&row, 1)?, row))).collect();
        let mut sides = counting(left);
        sides.sort_by_key(|row| (key(row, 0).is_none(), key(row, 0)));
        let found = |row: &Vec<Value>| known.get(&key(row, 0)?).cloned();
        for outer in [false, true] {
            let row = |row: &Vec<Value>| {
                let other = found(row).or_else(|| outer.then(|| vec![None; others.len()]))?;
                Some([row.clone(), other].concat())
            };
            let expected: Rows = sides.iter().filter_map(row).collect();
            let plan = Plan::Join { left: filtered(0), right: filtered(1), on: on.clone(), outer };
            let tables = [table(kinds, left), table(&others, &right)];
            let mut got = answer(&plan, &tables);
            if outer {
                // Those without a key come last, in any order.
                let lost = got.iter().position(|row| key(row, 0).is_none()).unwrap_or(got.len());
                got[lost..].sort();
                let mut expected = expected;
                expected[lost..].sort();
                assert_eq!(got, expected, "{kinds:?} and {others:?} on {on:?}");
            } else {
                assert_eq!(got, expected, "{kinds:?} and {others:?} on {on:?}");
            }
        }
    });
}
