//! Answers are those that whoever works through rows one by one gets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use std::collections::BTreeMap;
use welkin_oblivious::{
    Arithmetic, Call, Comparison, Expr, Failure, Function, Kind, Plan, SortKey, Table, of_decimal, of_float,
    of_int, of_text, to_int, to_text,
};

/// Integers that may be missing.
type Rows = Vec<Vec<Option<i64>>>;

fn table(columns: usize, rows: &Rows) -> Table {
    let mut table = Table::new(vec![Kind::Int; columns], rows.len());
    for (number, row) in rows.iter().enumerate() {
        for (column, value) in row.iter().enumerate() {
            if let Some(value) = value {
                table.put(number, column, &[of_int(*value)]);
            }
        }
    }
    table
}

fn answer(plan: &Plan, tables: &[Table]) -> Rows {
    let answer = plan.run(tables).unwrap();
    let value = |row, column| answer.value(row, column).map(|words| to_int(words[0]));
    (0..answer.count())
        .map(|row| (0..answer.kinds().len()).map(|column| value(row, column)).collect())
        .collect()
}

fn random(count: usize, columns: usize, most: i64, random: &mut fastrand::Rng) -> Rows {
    let mut value = || (random.u8(..5) > 0).then(|| random.i64(-most..=most));
    (0..count).map(|_| (0..columns).map(|_| value()).collect()).collect()
}

fn scan(number: usize) -> Box<Plan> {
    Box::new(Plan::Scan(number))
}

fn column(number: usize) -> Box<Expr> {
    Box::new(Expr::Column(number))
}

fn sorted(mut rows: Rows) -> Rows {
    rows.sort();
    rows
}

#[test]
fn filters_keep_what_is_true_in_its_order() {
    let mut from = fastrand::Rng::with_seed(1);
    for count in [0, 1, 2, 7, 64, 100] {
        let rows = random(count, 3, 3, &mut from);
        let less = Expr::Compare(Comparison::Less, column(0), column(1));
        let same = Expr::Compare(Comparison::Equal, column(1), column(2));
        let condition = Expr::Or(Box::new(Expr::Not(Box::new(less))), Box::new(same));
        let expected = rows.iter().filter(|row| {
            let not_less = row[0].zip(row[1]).map(|(a, b)| a >= b);
            let same = row[1].zip(row[2]).map(|(a, b)| a == b);
            not_less == Some(true) || same == Some(true)
        });
        let plan = Plan::Filter(scan(0), condition);
        assert_eq!(answer(&plan, &[table(3, &rows)]), expected.cloned().collect::<Rows>());
    }
}

#[test]
fn rows_are_ordered_up_and_down_and_cut() {
    let mut from = fastrand::Rng::with_seed(2);
    for count in [0, 1, 5, 33, 90] {
        let rows = random(count, 2, 4, &mut from);
        let (up, down) = (
            SortKey { column: 1, descending: true, nulls_first: true },
            SortKey { column: 0, descending: false, nulls_first: false },
        );
        let order = Plan::Sort(scan(0), vec![up, down]);
        let mut expected = rows.clone();
        expected.sort_by_key(|row| (row[1].is_some(), row[1].map(|value| -value), row[0].is_none(), row[0]));
        assert_eq!(answer(&order, &[table(2, &rows)]), expected);
        let cut = answer(&Plan::Limit(Box::new(order), 3, Some(10)), &[table(2, &rows)]);
        assert_eq!(cut, expected.into_iter().skip(3).take(10).collect::<Rows>());
    }
}

#[test]
fn groups_have_their_sums() {
    let mut from = fastrand::Rng::with_seed(3);
    let call = |function, column| Call { function, column };
    let calls = vec![
        call(Function::Count, None),
        call(Function::Count, Some(1)),
        call(Function::Sum, Some(1)),
        call(Function::Least, Some(1)),
        call(Function::Greatest, Some(1)),
    ];
    for count in [0, 1, 2, 50, 129] {
        let rows = random(count, 2, 3, &mut from);
        let mut groups: BTreeMap<Option<i64>, Vec<Option<i64>>> = BTreeMap::new();
        rows.iter().for_each(|row| groups.entry(row[0]).or_default().push(row[1]));
        let told = |values: &[Option<i64>]| {
            let there: Vec<i64> = values.iter().flatten().copied().collect();
            let sum = (!there.is_empty()).then(|| there.iter().sum());
            let (least, greatest) = (there.iter().min().copied(), there.iter().max().copied());
            vec![Some(values.len() as i64), Some(there.len() as i64), sum, least, greatest]
        };
        let expected: Rows = groups.iter().map(|(key, values)| [vec![*key], told(values)].concat()).collect();
        let tables = [table(2, &rows)];
        assert_eq!(sorted(answer(&Plan::Group(scan(0), vec![0], calls.clone()), &tables)), expected);
        let whole: Vec<Option<i64>> = rows.iter().map(|row| row[1]).collect();
        assert_eq!(answer(&Plan::Group(scan(0), vec![], calls.clone()), &tables), vec![told(&whole)]);
    }
}

#[test]
fn rows_with_the_same_key_stay_in_their_order() {
    let mut from = fastrand::Rng::with_seed(5);
    for count in [2, 17, 64, 150, 1000] {
        // The last column is the row's number.
        let mut rows = random(count, 6, 1, &mut from);
        rows.iter_mut().enumerate().for_each(|(number, row)| row[5] = Some(number as i64));
        // Keys of few words and of many, which other networks sort.
        for columns in [&[3][..], &[0, 1], &[4, 2, 0], &[0, 1, 2, 3, 4]] {
            let key = |column: &usize| SortKey {
                column: *column,
                descending: column % 2 == 1,
                nulls_first: column % 2 == 1,
            };
            let mut expected = rows.clone();
            expected.sort_by_key(|row| {
                let up = |column: &usize| match (row[*column], column % 2) {
                    (Some(value), 0) => value,
                    (Some(value), _) => -value,
                    (None, 0) => i64::MAX,
                    (None, _) => i64::MIN,
                };
                columns.iter().map(up).collect::<Vec<_>>()
            });
            let plan = Plan::Sort(scan(0), columns.iter().map(key).collect());
            assert_eq!(answer(&plan, &[table(6, &rows)]), expected, "{columns:?}");
        }
    }
}

#[test]
fn sums_of_fractions_are_those_of_whoever_adds_row_by_row() {
    let mut from = fastrand::Rng::with_seed(6);
    let kinds = vec![Kind::Text(1), Kind::Float, Kind::Bool, Kind::Decimal(2)];
    let rows: Vec<(&str, f64, bool, i128)> = (0..500)
        .map(|_| {
            let scale = 10_f64.powi(from.i32(-9..9));
            let wide = i128::from(from.i64(..)) << from.u32(0..40);
            (["east", "west", "", "eastward"][from.usize(..4)], (from.f64() - 0.5) * scale, from.bool(), wide)
        })
        .collect();
    let mut table = Table::new(kinds, rows.len());
    let mut groups: BTreeMap<(&str, bool), (f64, i128, i128, i64)> = BTreeMap::new();
    for (row, (text, fraction, flag, decimal)) in rows.iter().enumerate() {
        table.put(row, 0, &of_text(text, 1));
        table.put(row, 1, &[of_float(*fraction)]);
        table.put(row, 2, &[u64::from(*flag)]);
        table.put(row, 3, &of_decimal(*decimal));
        let group = groups.entry((*text, *flag)).or_insert((0.0, 0, i128::MAX, 0));
        *group = (group.0 + fraction, group.1 + decimal, group.2.min(*decimal), group.3 + 1);
    }
    let call = |function, column| Call { function, column: Some(column) };
    let calls = vec![
        call(Function::Sum, 1),
        call(Function::Average, 1),
        call(Function::Sum, 3),
        call(Function::Least, 3),
        call(Function::Greatest, 0),
    ];
    let answer = Plan::Group(scan(0), vec![0, 2], calls).run(&[table]).unwrap();
    let told = (0..answer.count()).map(|row| {
        let words = |column| answer.value(row, column).unwrap().to_vec();
        (to_text(&words(0)), words(1), words(2), words(3), words(4), words(5), to_text(&words(6)))
    });
    let expected = groups.iter().map(|((text, flag), (sum, decimal, least, count))| {
        let (text, average) = ((*text).to_owned(), sum / *count as f64);
        let (decimal, least) = (of_decimal(*decimal).to_vec(), of_decimal(*least).to_vec());
        (
            text.clone(),
            vec![u64::from(*flag)],
            vec![of_float(*sum)],
            vec![of_float(average)],
            decimal,
            least,
            text,
        )
    });
    assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn many_rows_of_texts_find_theirs() {
    let mut from = fastrand::Rng::with_seed(7);
    let names: Vec<String> = (0..400).map(|number| format!("{number:x}").repeat(1 + number % 3)).collect();
    let mut right = Table::new(vec![Kind::Text(2), Kind::Int], names.len());
    for (row, name) in names.iter().enumerate() {
        right.put(row, 0, &of_text(name, 2));
        right.put(row, 1, &[of_int(row as i64)]);
    }
    let left: Vec<usize> = (0..1500).map(|_| from.usize(..600)).collect();
    let mut many = Table::new(vec![Kind::Text(3)], left.len());
    for (row, number) in left.iter().enumerate() {
        let name = names.get(*number).map_or("nobody at all has this", |name| name);
        many.put(row, 0, &of_text(name, 3));
    }
    let plan = Plan::Join { left: scan(0), right: scan(1), on: vec![(0, 0)], outer: false };
    let answer = plan.run(&[many, right]).unwrap();
    let mut got: Vec<(String, String, i64)> = (0..answer.count())
        .map(|row| {
            let [a, b, c] = [0, 1, 2].map(|column| answer.value(row, column).unwrap());
            (to_text(a), to_text(b), to_int(c[0]))
        })
        .collect();
    got.sort();
    let found = left.iter().filter(|number| **number < names.len());
    let mut expected: Vec<(String, String, i64)> =
        found.map(|number| (names[*number].clone(), names[*number].clone(), *number as i64)).collect();
    expected.sort();
    assert_eq!(got, expected);
}

#[test]
fn rows_find_the_one_that_has_their_key() {
    let mut from = fastrand::Rng::with_seed(4);
    for (many, few) in [(0, 0), (5, 0), (0, 5), (40, 10), (9, 33)] {
        let left = random(many, 2, 12, &mut from);
        let mut keys: Vec<i64> = (-12..40).collect();
        from.shuffle(&mut keys);
        let mut right: Rows = keys.iter().take(few).map(|key| vec![Some(*key), Some(key * 10)]).collect();
        right.extend((few > 0).then(|| vec![None, Some(7)]));
        right.extend((few > 3).then(|| vec![None, None]));
        let found =
            |row: &[Option<i64>]| right.iter().find(|other| row[1].is_some() && other[0] == row[1]).cloned();
        let tables = [table(2, &left), table(2, &right)];
        let join = |outer| Plan::Join { left: scan(0), right: scan(1), on: vec![(1, 0)], outer };
        let inner = left.iter().filter_map(|row| Some([row.clone(), found(row)?].concat()));
        assert_eq!(sorted(answer(&join(false), &tables)), sorted(inner.collect()));
        let outer = left.iter().map(|row| [row.clone(), found(row).unwrap_or(vec![None; 2])].concat());
        assert_eq!(sorted(answer(&join(true), &tables)), sorted(outer.collect()));
    }
}

#[test]
fn a_key_that_is_there_twice_gives_no_answer() {
    let left = table(1, &vec![vec![Some(1)]]);
    let right = table(1, &vec![vec![Some(2)], vec![Some(1)], vec![Some(2)]]);
    let join = Plan::Join { left: scan(0), right: scan(1), on: vec![(0, 0)], outer: false };
    assert_eq!(join.run(&[left.clone(), right.clone()]), Err(Failure::Twice));
    // Rows that do not count have no key.
    let one = Expr::Compare(
        Comparison::Equal,
        column(0),
        Box::new(Expr::Literal(Kind::Int, Some(vec![of_int(1)]))),
    );
    let filtered = Box::new(Plan::Filter(scan(1), one));
    let join = Plan::Join { left: scan(0), right: filtered, on: vec![(0, 0)], outer: false };
    assert_eq!(answer(&join, &[left, right]), [[Some(1), Some(1)]]);
}

#[test]
fn expressions_have_values_of_their_rows() {
    let rows = vec![vec![Some(7), Some(5)], vec![None, Some(2)], vec![Some(i64::MAX), Some(1)]];
    let arithmetic = |operation| Expr::Arithmetic(operation, column(0), column(1));
    let case = Expr::Case(Box::new(Expr::IsNull(column(0))), column(1), column(0));
    let exprs = vec![
        arithmetic(Arithmetic::Plus),
        arithmetic(Arithmetic::Minus),
        arithmetic(Arithmetic::Times),
        case,
    ];
    let got = answer(&Plan::Project(scan(0), exprs), &[table(2, &rows)]);
    let expected = [
        vec![Some(12), Some(2), Some(35), Some(7)],
        vec![None, None, None, Some(2)],
        vec![Some(i64::MIN), Some(i64::MAX - 1), Some(i64::MAX), Some(i64::MAX)],
    ];
    assert_eq!(got, expected);
}

#[test]
fn texts_of_two_widths_meet() {
    let texts = |words, values: &[&str]| {
        let mut table = Table::new(vec![Kind::Text(words)], values.len());
        values.iter().enumerate().for_each(|(row, text)| table.put(row, 0, &of_text(text, words)));
        table
    };
    let tables = [texts(1, &["b", "flu"]), texts(3, &["Narwhalitis", "flu"])];
    let both = Plan::Union(vec![Plan::Scan(0), Plan::Scan(1)]);
    let call = Call { function: Function::Count, column: None };
    let order = SortKey { column: 0, descending: false, nulls_first: false };
    let plan = Plan::Sort(Box::new(Plan::Group(Box::new(both), vec![0], vec![call])), vec![order]);
    let answer = plan.run(&tables).unwrap();
    let shown: Vec<(String, i64)> = (0..answer.count())
        .map(|row| (to_text(answer.value(row, 0).unwrap()), to_int(answer.value(row, 1).unwrap()[0])))
        .collect();
    assert_eq!(shown, [("Narwhalitis".to_owned(), 1), ("b".to_owned(), 1), ("flu".to_owned(), 2)]);
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_done() {
    let tables = [table(1, &vec![vec![Some(1)]])];
    let unfit = [
        Plan::Scan(1),
        Plan::Filter(scan(0), Expr::Column(0)),
        Plan::Project(scan(0), vec![Expr::Column(1)]),
        Plan::Group(scan(0), vec![], vec![Call { function: Function::Average, column: Some(0) }]),
        Plan::Join { left: scan(0), right: scan(0), on: vec![], outer: false },
        Plan::Project(scan(0), vec![Expr::Column(0); 64]),
        Plan::Union(vec![]),
    ];
    for plan in unfit {
        assert!(matches!(plan.run(&tables), Err(Failure::Unfit(_))), "{plan:?}");
    }
}
