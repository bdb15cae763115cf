//! Stages that Alpa's authors publish for GPT and wide ResNet (Zheng et al., *Alpa*, OSDI 2022, sections 8.1 and 8.6, and the solutions
//! that their repository has for the paper's machines, `benchmark/alpa/suite_auto_gpt.py` and `suite_wresnet.py`), beside those that the
//! planner comes to.
//!
//! What is theirs here: models, their sizes and element types, batch, machines (p3.16xlarge: eight V100, 25 Gbit/s) and optimizer. What
//! is not: costs, which they measured and do not print. So stages agree where the machines decide, and `docs/parallel.md` says where they
//! do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use welkin_parallel::{Cluster, Effort, Model, PlanFile, plan};

/// A step in the making, that knows how to go back.
#[derive(Default)]
struct Tape {
    values: Vec<Value>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    ops: Vec<Value>,
    steps: Vec<Step>,
    parameters: Vec<usize>,
}

enum Step {
    /// By letters of dimensions: `bsd,df->bsf`. A dot is a dimension that stays whole.
    Product {
        spelt: &'static str,
        ins: [usize; 2],
        out: usize,
        flops: f64,
    },
    /// Element by element.
    Each {
        of: usize,
        out: usize,
    },
    Sum {
        ins: [usize; 2],
        out: usize,
    },
}

impl Tape {
    fn value(&mut self, kind: &str, shape: &[u64]) -> usize {
        self.values.push(json!([kind, shape]));
        self.values.len() - 1
    }

    fn shape(&self, value: usize) -> Vec<u64> {
        self.values[value][1].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).collect()
    }

    fn kind(&self, value: usize) -> String {
        self.values[value][0].as_str().unwrap().to_owned()
    }

    fn input(&mut self, role: &str, kind: &str, shape: &[u64]) -> usize {
        let value = self.value(kind, shape);
        self.inputs.push(json!({"value": value, "name": format!("input {value}"), "role": role}));
        value
    }

    fn parameter(&mut self, kind: &str, shape: &[u64]) -> usize {
        let value = self.input("state", kind, shape);
        self.parameters.push(value);
        value
    }

    /// `whole` are the sizes of the result's dimensions without a letter; `taps` is how many numbers each place of it looks at beside.
    fn product(&mut self, spelt: &'static str, ins: [usize; 2], whole: &[u64], taps: u64) -> usize {
        let sizes = self.sizes(spelt, &ins);
        let mut whole = whole.iter();
        let shape: Vec<u64> = result(spelt)
            .chars()
            .map(|letter| sizes.get(&letter).copied().unwrap_or_else(|| *whole.next().unwrap()))
            .collect();
        let places: u64 = result(spelt)
            .chars()
            .zip(&shape)
            .filter(|(letter, _)| *letter == '.')
            .map(|(_, size)| size)
            .product();
        let flops = 2.0 * sizes.values().map(|size| *size as f64).product::<f64>() * (places * taps) as f64;
        let out = self.value(&self.kind(ins[0]), &shape);
        self.multiply(spelt, ins, out, flops);
        self.steps.push(Step::Product { spelt, ins, out, flops });
        out
    }

    fn sizes(&self, spelt: &str, ins: &[usize]) -> BTreeMap<char, u64> {
        let (operands, _) = spelt.split_once("->").unwrap();
        let each = operands.split(',').zip(ins);
        each.flat_map(|(letters, value)| letters.chars().zip(self.shape(*value)))
            .filter(|(letter, _)| *letter != '.')
            .collect()
    }

    fn multiply(&mut self, spelt: &str, ins: [usize; 2], out: usize, flops: f64) {
        let sizes = self.sizes(spelt, &ins);
        let loops: Vec<Value> =
            sizes.iter().map(|(letter, size)| json!([letter.to_string(), size])).collect();
        let place = |letter: char| sizes.keys().position(|known| *known == letter);
        let dims = |letters: &str| -> Vec<i64> {
            letters.chars().map(|letter| place(letter).map_or(-1, |at| i64::try_from(at).unwrap())).collect()
        };
        let (operands, made) = spelt.split_once("->").unwrap();
        let (left, right) = operands.split_once(',').unwrap();
        self.ops.push(json!({
            "op": "product", "loops": loops, "in": [[ins[0], dims(left)], [ins[1], dims(right)]], "out": [[out, dims(made)]],
            "reduce": "sum", "linear": [[0], [1]], "flops": flops,
        }));
    }

    /// An operation on elements, without a word on how to go back.
    fn light(&mut self, name: &str, ins: &[usize], kind: &str, linear: &[Vec<usize>]) -> usize {
        let shape = self.shape(ins[0]);
        let out = self.value(kind, &shape);
        let turning: Vec<usize> = (0..shape.len()).filter(|dim| shape[*dim] > 1).collect();
        let loops: Vec<Value> = turning.iter().map(|dim| json!([format!("d{dim}"), shape[*dim]])).collect();
        let place = |dim: usize| turning.iter().position(|of| *of == dim);
        let dims: Vec<i64> =
            (0..shape.len()).map(|dim| place(dim).map_or(-1, |at| i64::try_from(at).unwrap())).collect();
        let operands: Vec<Value> = ins.iter().map(|value| json!([value, dims])).collect();
        self.ops.push(
            json!({"op": name, "loops": loops, "in": operands, "out": [[out, dims]], "linear": linear}),
        );
        out
    }

    fn each(&mut self, of: usize) -> usize {
        let out = self.light("each", &[of], &self.kind(of), &[]);
        self.steps.push(Step::Each { of, out });
        out
    }

    fn convolve(&mut self, x: usize, to: u64, edge: u64, places: u64) -> usize {
        let from = self.shape(x)[1];
        let weights = self.parameter("f32", &[to, from, edge, edge]);
        self.product("bk..,nk..->bn..", [x, weights], &[places, places], edge * edge)
    }

    fn sum(&mut self, ins: [usize; 2]) -> usize {
        let out = self.light("add", &ins, &self.kind(ins[0]), &[vec![0, 1]]);
        self.steps.push(Step::Sum { ins, out });
        out
    }

    /// The sum of squares of what was made last is the loss; then the way back, and what becomes of each parameter by `update`.
    fn model(mut self, last: usize, update: fn(&mut Self, usize, usize)) -> Model {
        let squares = self.light("square", &[last], &self.kind(last), &[]);
        let shape = self.shape(squares);
        let loss = self.value(&self.kind(last), &[]);
        let loops: Vec<Value> =
            shape.iter().enumerate().map(|(dim, size)| json!([format!("d{dim}"), size])).collect();
        let dims: Vec<usize> = (0..shape.len()).collect();
        self.ops.push(json!({
            "op": "reduce_sum", "loops": loops, "in": [[squares, dims]], "out": [[loss, []]], "reduce": "sum", "linear": [[0]],
        }));
        self.outputs.push(json!({"value": loss, "name": "loss"}));
        let twice = self.light("twice", &[last], &self.kind(last), &[vec![0]]);
        let mut gradients = BTreeMap::from([(last, twice)]);
        for step in std::mem::take(&mut self.steps).into_iter().rev() {
            self.back(&step, &mut gradients);
        }
        for parameter in self.parameters.clone() {
            update(&mut self, parameter, gradients[&parameter]);
        }
        let Self { values, inputs, outputs, ops, .. } = self;
        let document = json!({
            "schema": "welkin.model-graph/1", "name": "alpa", "values": values, "inputs": inputs, "outputs": outputs, "ops": ops,
        });
        Model::read(document.to_string().as_bytes()).unwrap()
    }

    fn back(&mut self, step: &Step, gradients: &mut BTreeMap<usize, usize>) {
        match *step {
            Step::Product { spelt, ins: [left, right], out, flops } => {
                let gradient = gradients[&out];
                let (operands, made) = spelt.split_once("->").unwrap();
                let (a, b) = operands.split_once(',').unwrap();
                let ways = [
                    (left, format!("{made},{b}->{a}"), [gradient, right]),
                    (right, format!("{a},{made}->{b}"), [left, gradient]),
                ];
                for (of, spelt, ins) in ways {
                    if self.is_data(of) {
                        continue;
                    }
                    let out = self.value(&self.kind(of), &self.shape(of));
                    self.multiply(&spelt, ins, out, flops);
                    self.collect(of, out, gradients);
                }
            }
            Step::Each { of, out } => {
                let made = self.light("mul", &[gradients[&out], of], &self.kind(of), &[vec![0]]);
                self.collect(of, made, gradients);
            }
            Step::Sum { ins, out } => {
                let gradient = gradients[&out];
                ins.into_iter().for_each(|of| self.collect(of, gradient, gradients));
            }
        }
    }

    fn is_data(&self, value: usize) -> bool {
        self.inputs.iter().any(|input| input["value"] == value && input["role"] == "data")
    }

    fn collect(&mut self, of: usize, gradient: usize, gradients: &mut BTreeMap<usize, usize>) {
        let sum = match gradients.get(&of) {
            Some(before) => self.light("add", &[*before, gradient], &self.kind(of), &[vec![0, 1]]),
            None => gradient,
        };
        gradients.insert(of, sum);
    }

    fn becomes(&mut self, made: usize, before: usize) {
        let place = self.inputs.iter().position(|input| input["value"] == before).unwrap();
        self.outputs.push(json!({"value": made, "name": format!("output {made}"), "becomes": place}));
    }
}

fn result(spelt: &str) -> &str {
    spelt.split_once("->").unwrap().1
}

/// Adam in mixed precision: exact parameters and two moments, of 32 bits each.
fn adam(tape: &mut Tape, parameter: usize, gradient: usize) {
    let shape = tape.shape(parameter);
    let [exact, first, second] = [(); 3].map(|()| tape.input("state", "f32", &shape));
    let wide = tape.light("convert", &[gradient], "f32", &[vec![0]]);
    let new_first = tape.light("add", &[first, wide], "f32", &[vec![0, 1]]);
    let new_second = tape.light("square", &[second, wide], "f32", &[]);
    let new_exact = tape.light("step", &[exact, new_first, new_second], "f32", &[]);
    let new = tape.light("convert", &[new_exact], "f16", &[vec![0]]);
    for (new, old) in [(new, parameter), (new_exact, exact), (new_first, first), (new_second, second)] {
        tape.becomes(new, old);
    }
}

fn momentum(tape: &mut Tape, parameter: usize, gradient: usize) {
    let kept = tape.input("state", "f32", &tape.shape(parameter));
    let new_kept = tape.light("add", &[kept, gradient], "f32", &[vec![0, 1]]);
    let new = tape.light("sub", &[parameter, new_kept], "f32", &[vec![0, 1]]);
    tape.becomes(new, parameter);
    tape.becomes(new_kept, kept);
}

/// Words already looked up; blocks of attention and a perceptron; and the head.
fn gpt(width: u64, layers: usize, heads: u64) -> Model {
    const BATCH: u64 = 1024;
    const LENGTH: u64 = 1024;
    const WORDS: u64 = 51_200;
    let (mut tape, kind, each) = (Tape::default(), "f16", width / heads);
    let mut x = tape.input("data", kind, &[BATCH, LENGTH, width]);
    for _ in 0..layers {
        let [q, k, v] = [(); 3].map(|()| {
            let weights = tape.parameter(kind, &[width, heads, each]);
            tape.product("bsd,dhe->bshe", [x, weights], &[], 1)
        });
        let scores = tape.product("bqhe,bkhe->bhqk", [q, k], &[], 1);
        let shares = tape.each(scores);
        let read = tape.product("bhqk,bkhe->bqhe", [shares, v], &[], 1);
        let weights = tape.parameter(kind, &[heads, each, width]);
        let made = tape.product("bqhe,hed->bqd", [read, weights], &[], 1);
        x = tape.sum([x, made]);
        let (up, down) =
            (tape.parameter(kind, &[width, 4 * width]), tape.parameter(kind, &[4 * width, width]));
        let inner = tape.product("bsd,df->bsf", [x, up], &[], 1);
        let inner = tape.each(inner);
        let made = tape.product("bsf,fd->bsd", [inner, down], &[], 1);
        x = tape.sum([x, made]);
    }
    let head = tape.parameter(kind, &[width, WORDS]);
    let last = tape.product("bsd,dv->bsv", [x, head], &[], 1);
    tape.model(last, adam)
}

/// Bottleneck blocks as in ResNet-50, with inner layers `factor` times as wide. Without batch norms, whose statistics need all
/// examples at once, where Alpa takes those of a microbatch.
fn wide_resnet(channels: u64, factor: u64, batch: u64) -> Model {
    let mut tape = Tape::default();
    let picture = tape.input("data", "f32", &[batch, 3, 224, 224]);
    let first = tape.convolve(picture, channels, 7, 56);
    let mut x = tape.each(first);
    for (group, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
        let (width, places) = (channels << group, 56 >> group);
        for block in 0..blocks {
            let before = if group > 0 && block == 0 { 2 * places } else { places };
            let y = tape.convolve(x, width, 1, before);
            let y = tape.each(y);
            let y = tape.convolve(y, width * factor, 3, places);
            let y = tape.each(y);
            let y = tape.convolve(y, 4 * width, 1, places);
            let around = if block == 0 { tape.convolve(x, 4 * width, 1, places) } else { x };
            let joined = tape.sum([around, y]);
            x = tape.each(joined);
        }
    }
    let head = tape.parameter("f32", &[32 * channels, 1024]);
    let last = tape.product("bk..,kn->bn", [x, head], &[], 1);
    tape.model(last, momentum)
}

fn planned(model: &Model, cluster: &str) -> PlanFile {
    plan(model, &Cluster::parse(cluster).unwrap(), Effort::default(), &mut |_| ()).unwrap()
}

/// Devices of each stage, and its share of what the whole model computes.
fn stages(model: &Model, made: &PlanFile) -> Vec<(u64, f64)> {
    let all: f64 = model.ops.iter().map(|op| op.flops).sum();
    let share = |part: &[usize]| part.iter().map(|op| model.ops[*op].flops).sum::<f64>() / all;
    let each = made.stages.iter().map(|stage| {
        let part = stage.program.as_ref().and_then(|program| program.part.as_ref());
        (stage.mesh.iter().product(), part.map_or(1.0, |part| share(&part.operations)))
    });
    each.collect()
}

fn close(share: f64, expected: f64) -> bool {
    (share - expected).abs() < 0.015
}

/// Section 8.1 and the solution for 16 devices: layers 0 to 3 of 8 on one machine, 4 to 7 on the other. The head, as much work as a
/// block, comes with the last.
#[test]
fn alpa_gpt_of_6_7_billion_has_half_of_its_layers_on_each_of_two_machines() {
    let model = gpt(4096, 32, 32);
    let found = stages(&model, &planned(&model, "2xp3.16xlarge"));
    let [(8, first), (8, second)] = found[..] else { panic!("{found:?}") };
    let block = 1.0 / 33.0;
    assert!(close(first, 16.0 * block) && close(second, 17.0 * block), "{found:?}");
}

/// Section 8.6: on four devices there is one stage, and operations alone are split.
#[test]
fn alpa_wide_resnet_of_one_billion_is_one_stage_on_four_devices() {
    let model = wide_resnet(320, 2, 1536);
    let made = planned(&model, "4xV100");
    assert_eq!(stages(&model, &made), [(4, 1.0)]);
    assert!(made.microbatches > 1, "{}", made.microbatches);
}

/// Section 8.6 and the solutions for 16 and 32 devices: nine of sixteen blocks on one half of the machines, seven on the other. Within a
/// half the published stages are smaller (4 and 4, and 8 devices; 8 and 8, and 8 and 8).
#[test]
fn alpa_wide_resnets_are_cut_between_machines_after_the_ninth_block() {
    for (model, cluster, half) in
        [(wide_resnet(640, 2, 1536), "2xp3.16xlarge", 8), (wide_resnet(320, 16, 1536), "4xp3.16xlarge", 16)]
    {
        let found = stages(&model, &planned(&model, cluster));
        assert_eq!(found.iter().map(|(devices, _)| *devices).collect::<Vec<_>>(), [half, half], "{found:?}");
        assert!(close(found[0].1, 9.0 / 16.0) && close(found[1].1, 7.0 / 16.0), "{found:?}");
    }
}

/// Its layers fit beside each other only if each takes less than a tenth of the memory. The published solution has a stage on each
/// machine; here two machines are a stage.
#[test]
fn alpa_gpt_of_15_billion_fits_on_four_machines() {
    let model = gpt(5120, 48, 40);
    let made = planned(&model, "4xp3.16xlarge");
    assert!(made.stages.iter().all(|stage| stage.mesh.iter().product::<u64>().is_multiple_of(8)));
    assert!(
        made.stages.iter().all(|stage| stage.peak_bytes <= made.cluster.usable_bytes),
        "{:?}",
        stages(&model, &made)
    );
}
