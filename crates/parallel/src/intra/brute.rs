//! Every split of small models over meshes of one to three axes, beside the one that is found.

use super::split::split;
use crate::cluster::{Cluster, Mesh};
use crate::effort::Effort;
use crate::intra::Bench;
use crate::layout::{Layout, layouts};
use crate::model::Model;
use crate::reshard::Ways;
use crate::strategy::{Strategy, Weight, strategies};

/// Two products, one after the other: `rows` by `inner` by `middle`, and that by `columns`.
fn products([rows, inner, middle, columns]: [u64; 4]) -> Model {
    let product = |[left, right, out]: [usize; 3], [m, k, n]: [u64; 3]| {
        format!(
            r#"{{"op": "dot_general", "loops": [["m", {m}], ["k", {k}], ["n", {n}]], "in": [[{left}, [0, 1]], [{right}, [1, 2]]],
            "out": [[{out}, [0, 2]]], "reduce": "sum", "linear": [[0], [1]], "flops": {}}}"#,
            2 * m * k * n
        )
    };
    let text = format!(
        r#"{{"schema": "welkin.model-graph/1",
        "values": [["f32", [{rows}, {inner}]], ["f32", [{inner}, {middle}]], ["f32", [{rows}, {middle}]],
                   ["f32", [{middle}, {columns}]], ["f32", [{rows}, {columns}]]],
        "inputs": [{{"value": 0, "name": "x", "role": "data"}}, {{"value": 1, "name": "a", "role": "constant"}},
                   {{"value": 3, "name": "b", "role": "constant"}}],
        "outputs": [{{"value": 4, "name": "y"}}], "ops": [{}, {}]}}"#,
        product([0, 1, 2], [rows, inner, middle]),
        product([2, 3, 4], [rows, middle, columns]),
    );
    Model::read(text.as_bytes()).unwrap()
}

/// The least over all pairs of ways to split the two products, each operand brought from wherever it may lie.
fn brute(model: &Model, mesh: &Mesh) -> f64 {
    let ways: Vec<Ways> = model.values.iter().map(|value| Ways::new(value, mesh)).collect();
    let [first, second] = [0, 1].map(|op| strategies(model, &model.ops[op], mesh, Weight::Heavy));
    let seconds = |value: usize, from: Layout, to: Layout| {
        ways[value].seconds(ways[value].place(from), ways[value].place(to))
    };
    // What is given lies anywhere but in parts of a sum, and so does a result.
    let ends = |value: usize| {
        let all = layouts(&model.values[value].shape, &mesh.sizes).into_iter();
        all.filter(|layout| !layout.is_partial())
    };
    let least = |each: &mut dyn Iterator<Item = f64>| each.fold(f64::INFINITY, f64::min);
    let given = |value: usize, to: Layout| least(&mut ends(value).map(|from| seconds(value, from, to)));
    let made = |value: usize, from: Layout| least(&mut ends(value).map(|to| seconds(value, from, to)));
    let alone = |way: &Strategy, [left, right]: [Option<usize>; 2]| {
        let operands = [left, right].into_iter().zip(&way.ins);
        way.seconds + operands.filter_map(|(value, wanted)| Some(given(value?, *wanted))).sum::<f64>()
    };
    let before: Vec<(Layout, f64)> =
        first.iter().map(|way| (way.outs[0], alone(way, [Some(0), Some(1)]))).collect();
    let after: Vec<(Layout, f64)> =
        second.iter().map(|way| (way.ins[0], alone(way, [None, Some(3)]) + made(4, way.outs[0]))).collect();
    let pairs = before.iter().flat_map(|(from, a)| after.iter().map(move |(to, b)| (from, to, a + b)));
    least(&mut pairs.map(|(from, to, sum)| sum + seconds(2, *from, *to)))
}

#[test]
fn brute_force_equals_the_solver_on_meshes_of_one_to_three_axes() {
    let models = [
        [64, 512, 512, 64],
        [4096, 64, 64, 4096],
        [8, 4096, 8192, 16],
        [512, 512, 512, 512],
        [6, 96, 36, 12],
    ];
    for (cluster, meshes) in [
        ("8xT4", vec![vec![8], vec![2, 4], vec![2, 2, 2]]),
        ("16xA100@10", vec![vec![4, 2, 2], vec![2, 2, 4]]),
    ] {
        let cluster = Cluster::parse(cluster).unwrap();
        for sizes in &meshes {
            for shape in models {
                let model = products(shape);
                let mut bench = Bench::new(Mesh::of(&cluster, sizes));
                let found = split(&model, &mut bench, f64::INFINITY, Effort::default().plan()).unwrap();
                let expected = brute(&model, &bench.mesh);
                // Costs are counted in grains of 6e-14 s.
                let near = |a: f64| (a - expected).abs() <= 1e-12;
                assert!(
                    near(found.seconds) && near(found.bound),
                    "{shape:?} on {sizes:?}: {found:?}, {expected}"
                );
            }
        }
    }
}

/// Whatever two axes do, three of which two together are one of them do as well.
#[test]
fn a_mesh_with_one_of_its_axes_split_in_two_takes_no_more() {
    let cluster = Cluster::parse("2xp4d.24xlarge").unwrap();
    let finer = [
        ([4, 4], [[2, 2, 4], [4, 2, 2]]),
        ([2, 8], [[2, 2, 4], [2, 4, 2]]),
        ([8, 2], [[2, 4, 2], [4, 2, 2]]),
    ];
    for shape in [[64, 512, 512, 64], [4096, 64, 64, 4096], [512, 2048, 8192, 512]] {
        let model = products(shape);
        let seconds = |sizes: &[u64]| {
            let mut bench = Bench::new(Mesh::of(&cluster, sizes));
            split(&model, &mut bench, f64::INFINITY, Effort::default().plan()).unwrap().seconds
        };
        for (coarse, finer) in finer {
            for fine in finer {
                assert!(seconds(&fine) <= seconds(&coarse) + 1e-12, "{shape:?}: {fine:?} and {coarse:?}");
            }
        }
    }
}
