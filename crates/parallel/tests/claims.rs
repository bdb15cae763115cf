//! Published results, as the planner comes to them by itself: each test names paper and section.
//!
//! The stages that Alpa's authors show for GPT and wide ResNet are in `alpa.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use serde_json::{Value, json};
use welkin_parallel::{Cluster, Compared, Effort, Model, experts, plan};

/// A model in the making.
#[derive(Default)]
struct Builder {
    values: Vec<Value>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    ops: Vec<Value>,
}

impl Builder {
    fn value(&mut self, kind: &str, shape: [u64; 2]) -> usize {
        self.values.push(json!([kind, shape]));
        self.values.len() - 1
    }

    fn input(&mut self, role: &str, kind: &str, shape: [u64; 2]) -> usize {
        let value = self.value(kind, shape);
        self.inputs.push(json!({"value": value, "name": format!("input {value}"), "role": role}));
        value
    }

    fn shape(&self, value: usize) -> [u64; 2] {
        [0, 1].map(|dim| self.values[value][1][dim].as_u64().unwrap())
    }

    fn kind(&self, value: usize) -> String {
        self.values[value][0].as_str().unwrap().to_owned()
    }

    /// A product over a dimension of each.
    fn dot(&mut self, (left, left_dim): (usize, usize), (right, right_dim): (usize, usize)) -> usize {
        let (a, b) = (self.shape(left), self.shape(right));
        let (m, k, n) = (a[1 - left_dim], a[left_dim], b[1 - right_dim]);
        let out = self.value(&self.kind(left), [m, n]);
        let dims = |at: usize, own: i8| if at == 0 { [1, own] } else { [own, 1] };
        self.ops.push(json!({
            "op": "dot_general", "loops": [["m0", m], ["k0", k], ["n0", n]],
            "in": [[left, dims(left_dim, 0)], [right, dims(right_dim, 2)]], "out": [[out, [0, 2]]],
            "reduce": "sum", "linear": [[0], [1]], "flops": 2.0 * m as f64 * k as f64 * n as f64,
        }));
        out
    }

    /// Element by element.
    fn each(&mut self, name: &str, kind: &str, ins: &[usize], linear: bool) -> usize {
        let shape = self.shape(ins[0]);
        let out = self.value(kind, shape);
        let operands: Vec<Value> = ins.iter().map(|value| json!([value, [0, 1]])).collect();
        let sets: Vec<Vec<usize>> = if linear { vec![(0..ins.len()).collect()] } else { Vec::new() };
        self.ops.push(json!({
            "op": name, "loops": [["d0", shape[0]], ["d1", shape[1]]], "in": operands, "out": [[out, [0, 1]]], "linear": sets,
        }));
        out
    }

    fn becomes(&mut self, made: usize, before: usize) {
        let place = self.inputs.iter().position(|input| input["value"] == before).unwrap();
        self.outputs.push(json!({"value": made, "name": format!("output {made}"), "becomes": place}));
    }

    fn output(&mut self, made: usize) {
        self.outputs.push(json!({"value": made, "name": format!("output {made}")}));
    }

    fn model(self) -> Model {
        let Self { values, inputs, outputs, ops } = self;
        let document = json!({
            "schema": "welkin.model-graph/1", "name": "claims", "values": values, "inputs": inputs, "outputs": outputs, "ops": ops,
        });
        Model::read(document.to_string().as_bytes()).unwrap()
    }
}

/// What updates a matrix by its gradient.
type Update = fn(&mut Builder, usize, usize);

/// So many blocks of two products with what follows each, on `tokens` rows of `width`, whose gradient at the end is given. Two
/// matrices of `width` times four times that each.
fn blocks(count: usize, tokens: u64, width: u64, kind: &str, update: Update) -> Model {
    let mut builder = Builder::default();
    let matrices: Vec<[usize; 2]> = (0..count)
        .map(|_| [[width, 4 * width], [4 * width, width]].map(|shape| builder.input("state", kind, shape)))
        .collect();
    let mut x = builder.input("data", kind, [tokens, width]);
    let mut gradient = builder.input("data", kind, [tokens, width]);
    let mut kept = Vec::new();
    for [up, down] in &matrices {
        let inner = builder.dot((x, 1), (*up, 0));
        let inner = builder.each("gelu", kind, &[inner], false);
        let out = builder.dot((inner, 1), (*down, 0));
        kept.push((x, inner));
        x = builder.each("add", kind, &[x, out], true);
    }
    builder.output(x);
    for ([up, down], (x, inner)) in matrices.iter().zip(kept).rev() {
        let of_down = builder.dot((inner, 0), (gradient, 0));
        let of_inner = builder.dot((gradient, 1), (*down, 1));
        let of_inner = builder.each("mul", kind, &[of_inner, inner], false);
        let of_up = builder.dot((x, 0), (of_inner, 0));
        let of_x = builder.dot((of_inner, 1), (*up, 1));
        gradient = builder.each("add", kind, &[gradient, of_x], true);
        update(&mut builder, *up, of_up);
        update(&mut builder, *down, of_down);
    }
    builder.output(gradient);
    builder.model()
}

fn descent(builder: &mut Builder, matrix: usize, gradient: usize) {
    let kind = builder.kind(matrix);
    let new = builder.each("sub", &kind, &[matrix, gradient], true);
    builder.becomes(new, matrix);
}

/// Adam as mixed precision has it: a copy of the parameters and two moments of them, of 32 bits each.
fn adam(builder: &mut Builder, matrix: usize, gradient: usize) {
    let shape = builder.shape(matrix);
    let [exact, first, second] = [(); 3].map(|()| builder.input("state", "f32", shape));
    let wide = builder.each("convert", "f32", &[gradient], true);
    let new_first = builder.each("add", "f32", &[first, wide], true);
    let new_second = builder.each("square", "f32", &[second, wide], false);
    let new_exact = builder.each("step", "f32", &[exact, new_first, new_second], false);
    let new = builder.each("convert", "f16", &[new_exact], true);
    for (new, old) in [(new, matrix), (new_exact, exact), (new_first, first), (new_second, second)] {
        builder.becomes(new, old);
    }
}

fn expert(model: &Model, cluster: &str, name: &str) -> Compared {
    let cluster = Cluster::parse(cluster).unwrap();
    experts(model, &cluster).into_iter().find(|compared| compared.name == name).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

/// Shoeybi et al., *Megatron-LM*, arXiv:1909.08053, section 3, figure 4: the multilayer perceptron of a layer that is split over
/// devices takes one all-reduce of its activations in the forward pass and one in the backward pass, and nothing else.
#[test]
fn megatron_one_all_reduce_forward_and_one_backward_for_each_perceptron() {
    let (tokens, width, devices) = (512, 1024, 2.0);
    let wire = |count| expert(&blocks(count, tokens, width, "f32", descent), "2xT4", "megatron").wire_bytes;
    let all_reduce = 2.0 * (devices - 1.0) / devices * (tokens * width * 4) as f64;
    assert!(close(wire(4) - wire(3), 2.0 * all_reduce), "{} {all_reduce}", wire(4) - wire(3));
}

/// Rajbhandari et al., *ZeRO*, arXiv:1910.02054, section 7: data parallelism moves twice the parameters a step (section 7.1), and
/// half as much again where parameters are split too, since they are gathered for both passes (section 7.2.2).
#[test]
fn zero_twice_the_parameters_are_moved_and_half_as_much_again_where_all_is_split() {
    let (tokens, width, devices) = (65_536, 256, 8.0);
    let model = blocks(2, tokens, width, "f32", descent);
    let parameters = (2 * 2 * 4 * width * width) as f64;
    for (name, times) in [("dp", 2.0), ("fsdp", 3.0)] {
        let wire = expert(&model, "8xA100", name).wire_bytes;
        let expected = times * parameters * 4.0 * (devices - 1.0) / devices;
        assert!(close(wire, expected), "{name}: {wire} and {expected}");
    }
}

/// The same paper, section 5 and figure 1: with 16-bit parameters and gradients and K = 12 bytes of optimizer state for each
/// parameter, 7.5 billion parameters take 120 GB on each device, or 1.9 GB on each of 64 among which all is split.
#[test]
fn zero_all_state_split_over_sixty_four_devices() {
    // Eight times its square is 7.5 billion.
    let (width, devices) = (30_720, 64.0);
    let parameters = (8 * width * width) as f64;
    let model = blocks(1, 4096, width, "f16", adam);
    assert!(((2.0 + 2.0 + 12.0) * parameters / 1e9 - 120.0).abs() < 1.0);
    assert!(expert(&model, "64xA100-80GB", "dp").step_s.is_none(), "120 GB do not fit into 80");
    let cluster = Cluster::parse("64xA100-80GB").unwrap();
    let made = plan(&model, &cluster, Effort::default(), &mut |_| ()).unwrap();
    let states: u64 = made.stages.iter().map(|stage| stage.state_bytes).max().unwrap();
    // Gradients are not kept between steps.
    assert!(close(states as f64, (2.0 + 12.0) * parameters / devices), "{states}");
    assert!((states as f64 / 1e9 + 2.0 * parameters / devices / 1e9 - 1.9).abs() < 0.05, "{states}");
}
