//! What a search promises, whatever it finds.

use welkin_parallel::{Cluster, Effort, Model, plan};

const BLOCKS: &str = include_str!("data/blocks.json");
const MLP: &str = include_str!("data/mlp.json");

#[test]
fn more_effort_never_makes_a_plan_worse() {
    for text in [BLOCKS, MLP] {
        let model = Model::read(text.as_bytes()).unwrap();
        for cluster in ["8xT4", "4xcpu-host", "16xA100@10"] {
            let cluster = Cluster::parse(cluster).unwrap();
            let seconds = |times| {
                plan(&model, &cluster, Effort::times(times), &mut |_| ())
                    .map_or(f64::INFINITY, |plan| plan.step_s)
            };
            let each: Vec<f64> = [1, 2, 3, 8].into_iter().map(seconds).collect();
            assert!(each.is_sorted_by(|less, more| more <= less), "{each:?} on {}", cluster.name);
            assert!(each[0].is_finite());
        }
    }
}

#[test]
fn a_search_says_how_far_it_is_and_its_plan_is_no_better_than_its_bound() {
    let model = Model::read(BLOCKS.as_bytes()).unwrap();
    for cluster in ["8xT4", "16xA100@10", "2xH100"] {
        let mut heard = Vec::new();
        let cluster = Cluster::parse(cluster).unwrap();
        let made =
            plan(&model, &cluster, Effort::default(), &mut |what| heard.push(what.to_owned())).unwrap();
        assert!(heard[0].starts_with("mesh "), "{heard:?}");
        let bound = made.bound_s.expect("every plan has one");
        assert!(bound > 0.0 && bound <= made.step_s, "{bound} {}", made.step_s);
        // What was left out takes at least as much as what was taken.
        assert!(made.considered.iter().filter_map(|row| row.least_s).all(|least| least >= made.step_s));
    }
}

#[test]
fn a_program_of_one_mesh_leads_each_value_to_where_it_is_kept_and_read() {
    let model = Model::read(BLOCKS.as_bytes()).unwrap();
    let cluster = Cluster::parse("8xcpu-host").unwrap();
    let made = plan(&model, &cluster, Effort::default(), &mut |_| ()).unwrap();
    let program = made.stages[0].program.as_ref().expect("one mesh");
    assert_eq!((program.values.len(), program.operations.len()), (model.values.len(), model.ops.len()));
    let goes = |op: usize, value: usize, from: usize, to: usize| {
        let mut moves =
            program.moves.iter().filter(|made| (made.operation, made.value, made.from) == (op, value, from));
        from == to || moves.any(|made| made.steps.last().is_some_and(|(_, end)| *end == to))
    };
    for (at, (op, (ins, outs, _))) in model.ops.iter().zip(&program.operations).enumerate() {
        for (operand, wanted) in op.ins.iter().zip(ins) {
            assert!(goes(at, operand.value, program.values[operand.value].unwrap(), *wanted));
        }
        for (out, made) in op.outs.iter().zip(outs) {
            assert!(goes(at, out.value, *made, program.values[out.value].unwrap()));
        }
    }
    assert!(!program.moves.is_empty(), "devices talk to each other");
}
