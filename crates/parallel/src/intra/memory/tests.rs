use super::*;
use crate::cluster::{Cluster, Mesh};
use crate::effort::Effort;
use crate::intra::problem::Anything;
use crate::intra::{NoSplit, Shares, split, weights};

/// `x` and `w` of 8 by 8 numbers, of which `ops` make values 2 to 7, and 8 of 8; some are results, the first of them in the place of
/// `w` if that is state.
fn step(role: &str, ops: &[&str], results: &[usize]) -> Model {
    let values = [[r#"["f32", [8, 8]]"#; 8].join(", "), r#"["f32", [8]]"#.to_owned()].join(", ");
    let result = |(at, value): (usize, &usize)| {
        let becomes = if at == 0 && role == "state" { r#", "becomes": 1"# } else { "" };
        format!(r#"{{"value": {value}, "name": "y{value}"{becomes}}}"#)
    };
    let results: Vec<String> = results.iter().enumerate().map(result).collect();
    let text = format!(
        r#"{{"schema": "welkin.model-graph/1", "values": [{values}],
        "inputs": [{{"value": 0, "name": "x", "role": "data"}}, {{"value": 1, "name": "w", "role": "{role}"}}],
        "outputs": [{}], "ops": [{}]}}"#,
        results.join(", "),
        ops.join(", ")
    );
    Model::read(text.as_bytes()).unwrap()
}

fn elements(ins: &[usize], out: usize) -> String {
    let ins: Vec<_> = ins.iter().map(|value| format!("[{value}, [0, 1]]")).collect();
    let ins = ins.join(", ");
    format!(r#"{{"op": "e", "loops": [["i", 8], ["j", 8]], "in": [{ins}], "out": [[{out}, [0, 1]]]}}"#)
}

fn again(ins: &[usize], out: usize) -> String {
    elements(ins, out).replace(r#""op": "e","#, r#""op": "e", "again": true,"#)
}

fn product(left: usize, right: usize, out: usize) -> String {
    format!(
        r#"{{"op": "dot_general", "loops": [["m", 8], ["k", 8], ["n", 8]], "in": [[{left}, [0, 1]], [{right}, [1, 2]]],
        "out": [[{out}, [0, 2]]], "reduce": "sum", "linear": [[0], [1]], "flops": 1024}}"#
    )
}

fn lives(model: &Model) -> Lives {
    Lives::new(model, &weights(model), true)
}

/// From when to when a value that nothing moves is there, in moments.
fn span(model: &Model, value: ValueId) -> Option<(usize, usize)> {
    let here = |what: What| match what {
        What::Kept(of) => of == value,
        What::Read { op, place, width: Width::Unmoved, .. } => model.ops[op].ins[place].value == value,
        _ => false,
    };
    let all = lives(model);
    let mut spans: Vec<_> =
        all.pieces.iter().filter(|piece| here(piece.what)).map(|piece| (piece.from, piece.to)).collect();
    spans.sort_unstable();
    let joined = spans.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0);
    assert!(joined, "{spans:?}");
    Some((spans.first()?.0, spans.last()?.1))
}

#[test]
fn what_a_fused_operation_reads_is_there_until_its_reader_runs_which_writes_over_it() {
    // 3 is fused into what makes 5, which comes after another product.
    let ops = [&*product(0, 1, 2), &elements(&[2], 3), &product(0, 1, 4), &elements(&[3, 4], 5)];
    let model = step("constant", &ops, &[5]);
    assert_eq!(
        [2, 3, 4, 5].map(|value| span(&model, value)),
        [Some((2, 9)), None, Some((8, 10)), Some((11, 12))]
    );
    // What is written over by an operation is still what crosses from before it.
    let crossing = lives(&model).across(2, |value| if value == 2 { 1.0 } else { 16.0 });
    assert!((crossing - 17.0).abs() < 1e-9, "{crossing}");
    // A sum is small, and is made at once.
    let sum = r#"{"op": "sum", "loops": [["i", 8], ["j", 8]], "in": [[2, [0, 1]]], "out": [[8, [0]]], "reduce": "sum", "linear": [[0]]}"#;
    let spread = elements(&[8, 4], 5).replace("[8, [0, 1]]", "[8, [0]]");
    let model = step("constant", &[&product(0, 1, 2), sum, &product(0, 1, 4), &spread], &[5]);
    assert_eq!(span(&model, 2), Some((2, 4)));
}

#[test]
fn what_is_cheap_is_done_again_for_each_reader_unless_a_product_or_a_sum_wants_all_of_it() {
    let ops = |middle: &str, last: &str| {
        let ops = [&*product(0, 1, 2), middle, &elements(&[3], 4), &product(4, 1, 5), last];
        step("constant", &ops, &[7])
    };
    // 3 is read at once, and by the last operation, until which 2 is kept for it.
    let model = ops(&again(&[2], 3), &elements(&[3, 5], 7));
    assert_eq!([2, 3].map(|value| span(&model, value)), [Some((2, 13)), None]);
    let stored = [Some((2, 4)), Some((5, 12))];
    let model = ops(&elements(&[2], 3), &elements(&[3, 5], 7));
    assert_eq!([2, 3].map(|value| span(&model, value)), [Some((2, 3)), Some((5, 12))]);
    // Of two operands as large as the result it would need both.
    let model = ops(&again(&[2, 0], 3), &elements(&[3, 5], 7));
    assert_eq!(span(&model, 3), stored[1]);
    let model = ops(&again(&[2], 3), &product(3, 5, 7));
    assert_eq!(span(&model, 3), Some((5, 13)));
}

/// State is there all the time; what else there is of it.
fn of_state(model: &Model) -> Vec<(usize, usize)> {
    let all = lives(model);
    let mut pieces: Vec<_> = all.pieces.iter().filter(|piece| piece.what == What::Kept(1)).collect();
    assert_eq!((pieces[0].from, pieces[0].to), (0, 3 * model.ops.len()));
    pieces.remove(0);
    assert!(all.pieces.iter().any(|piece| matches!(piece.what, What::Anew { old: 1, .. })), "{all:?}");
    pieces.iter().map(|piece| (piece.from, piece.to)).collect()
}

#[test]
fn new_state_lies_in_the_place_of_the_old_which_is_copied_where_something_else_reads_it() {
    let made = [product(0, 1, 2), product(0, 2, 3), product(0, 3, 4)];
    let update = |last: &str| of_state(&step("state", &[&made[0], &made[1], &made[2], last], &[5]));
    assert_eq!(update(&elements(&[1, 4], 5)), []);
    // Read transposed: an element is read after another one was written.
    let transposed = elements(&[1, 4], 5).replace("[1, [0, 1]]", "[1, [1, 0]]");
    assert_eq!(update(&transposed), [(10, 10)]);
    // Products read all of a row for each element.
    assert_eq!(update(&product(1, 4, 5)), [(10, 10)]);
    // What comes first in the file but is no part of the update may be done after it: it reads a copy, and so does all else.
    let also = [&*made[0], &product(2, 1, 6), &made[1], &elements(&[1, 3], 5)];
    let model = step("state", &also, &[5, 6]);
    assert_eq!(of_state(&model), [(0, 10)]);
    // Passes of microbatches are programs of their own, of which none replaces it.
    let parts = Lives::new(&model, &weights(&model), false);
    assert_eq!(parts.pieces.iter().filter(|piece| piece.what == What::Kept(1)).count(), 1);
}

#[test]
fn what_collectives_take_and_give_is_there_beside_what_it_is_made_of() {
    let model = step("constant", &[&product(0, 1, 2), &elements(&[2], 3), &product(3, 1, 4)], &[4]);
    let mut bench = Bench::new(Mesh::of(&Cluster::parse("2xA100").unwrap(), &[2]));
    let [rows, columns] = [0, 1].map(|dim| Layout::of([Along::Split(dim)]));
    let sum = Layout::of([Along::Partial]);
    let strategy = |ins: [Layout; 2], out: Layout| Strategy {
        modes: Vec::new(),
        ins: ins.to_vec(),
        outs: vec![out],
        combined: 0,
        seconds: 0.0,
    };
    let mut scale = Scale { model: &model, bench: &mut bench };
    let mut read = |heavy: bool, kept: Layout, wanted: Layout| {
        [Width::Unmoved, Width::Passed, Width::Brought].map(|width| {
            let what = What::Read { op: 0, place: 0, made_heavy: false, heavy, width };
            scale.pair(what, &strategy([wanted, Layout::WHOLE], Layout::WHOLE), kept)
        })
    };
    assert_eq!(read(true, rows, rows), [128.0, 0.0, 0.0]);
    assert_eq!(read(true, rows, Layout::WHOLE), [0.0, 0.0, 256.0]);
    // Gathered along what is not the first dimension, and put in order for a product.
    assert_eq!(read(true, columns, Layout::WHOLE), [0.0, 256.0, 256.0]);
    assert_eq!(read(false, columns, Layout::WHOLE), [0.0, 0.0, 256.0]);
    // A part of what is there is cut out in passing.
    assert_eq!(read(false, Layout::WHOLE, rows), [256.0, 0.0, 0.0]);
    assert_eq!(read(true, Layout::WHOLE, rows), [0.0, 0.0, 128.0]);
    let mut left = |heavy: bool, kept: Layout| {
        let what = What::Left { op: 0, place: 0, heavy, read_heavy: true };
        scale.pair(what, &strategy([Layout::WHOLE; 2], sum), kept)
    };
    assert_eq!(
        [left(true, sum), left(true, rows), left(true, columns), left(false, columns)],
        [0.0, 256.0, 512.0, 256.0]
    );
}

/// A small step with state, whose values can lie in many ways.
fn small() -> Model {
    step("state", &[&product(0, 1, 2), &elements(&[2], 3), &product(3, 1, 4), &elements(&[1, 4], 5)], &[5, 3])
}

#[test]
fn a_limit_weighs_what_the_peak_counts_whatever_the_labels() {
    let cluster = Cluster::parse("4xA100").unwrap();
    for sizes in [vec![4], vec![2, 2]] {
        let (model, mut bench) = (small(), Bench::new(Mesh::of(&cluster, &sizes)));
        let problem = Problem::new(&model, &mut bench, &Anything, &Shares::whole(&model)).unwrap();
        let (lives, mut seed) = (lives(&model), 1_u64);
        for _ in 0..300 {
            let labels: Vec<u32> = (problem.graph.costs.iter())
                .map(|cost| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    u32::try_from((seed >> 33) % bench.store.get(*cost).len() as u64).unwrap()
                })
                .collect();
            let (moment, peak) = most_of(&lives.needs(&model, &mut bench, &problem, &labels));
            let limit = lives.limit(&model, &mut bench, &problem, moment, peak);
            let weight = limit.weight(&bench.store, &labels);
            assert!((weight - peak).abs() < 1e-6, "{weight} and {peak} at {moment}");
            assert!(lives.floor(&model, 4) <= peak && limit.least(&bench.store) <= peak);
        }
    }
}

#[test]
fn brute_force_equals_the_split_that_keeps_a_limit_of_memory() {
    let (model, cluster) = (small(), Cluster::parse("2xT4").unwrap());
    let mut bench = Bench::new(Mesh::of(&cluster, &[2]));
    let problem = Problem::new(&model, &mut bench, &Anything, &Shares::whole(&model)).unwrap();
    let sizes: Vec<u32> =
        problem.graph.costs.iter().map(|cost| u32::try_from(bench.store.get(*cost).len()).unwrap()).collect();
    let (lives, mut labels, mut all) = (lives(&model), vec![0_u32; sizes.len()], Vec::new());
    loop {
        let (_, peak) = most_of(&lives.needs(&model, &mut bench, &problem, &labels));
        all.push((peak, problem.graph.cost(&bench.store, &labels)));
        let Some(at) = (0..labels.len()).find(|at| labels[*at] + 1 < sizes[*at]) else { break };
        labels[at] += 1;
        labels[..at].fill(0);
    }
    let mut peaks: Vec<f64> = all.iter().map(|(peak, _)| *peak).collect();
    peaks.sort_by(f64::total_cmp);
    peaks.dedup();
    assert!(peaks.len() >= 8, "{peaks:?}");
    for most in peaks.iter().copied().chain([peaks[0] - 1.0]) {
        let best =
            all.iter().filter(|(peak, _)| *peak <= most).map(|(_, cost)| *cost).fold(f64::INFINITY, f64::min);
        match split(&model, &mut bench, most, Effort::default().plan()) {
            Ok(found) => {
                assert!(found.peak_bytes <= most && (found.seconds - best).abs() <= 1e-12, "{most}: {best}");
                assert!(found.bound <= found.seconds);
            }
            Err(why) => assert!(best.is_infinite() && matches!(why, NoSplit::Memory(_)), "{most}: {why:?}"),
        }
    }
}
