//! What is run: tasks whose scripts write down what they do, and whose outputs we can compute as well.

use std::fmt::Write;
use std::path::Path;

/// A task of the job.
pub(super) struct Task {
    pub(super) name: &'static str,
    pub(super) nodes: u32,
    /// Tasks whose output it reads.
    pub(super) inputs: &'static [&'static str],
}

/// A diamond with a gang in it, in the order of the plan.
pub(super) const TASKS: &[Task] = &[
    Task { name: "first", nodes: 1, inputs: &[] },
    Task { name: "left", nodes: 1, inputs: &["first"] },
    Task { name: "right", nodes: 2, inputs: &["first"] },
    Task { name: "last", nodes: 1, inputs: &["left", "right"] },
];

/// The one whose output is delivered.
pub(super) const LAST: &str = "last";

/// What one host costs in an hour, in dollars: high enough that each millisecond is seen on a bill.
pub(super) const HOST_HOUR: u64 = 36;

pub(super) const POOL: &str = "lab:\n  price: 36\n  hosts: [h1, h2, h3]\n";

impl Task {
    /// What its output says beside the attempt that made it.
    pub(super) fn value(&self) -> u64 {
        let of = |name: &&str| TASKS.iter().find(|task| task.name == *name).map_or(0, Self::value);
        let inputs = self.inputs.iter().zip(2..).map(|(input, weight)| weight * of(input));
        self.base() + inputs.sum::<u64>()
    }

    fn base(&self) -> u64 {
        self.name.bytes().map(u64::from).sum()
    }

    /// Every line of the ledger is one `write` to a file that is appended to, so lines of several hosts do not mix.
    fn script(&self, ledger: &Path) -> String {
        let (name, ledger) = (self.name, ledger.display());
        let mut script = format!(
            "said() {{ echo \"$1 {name} $WELKIN_ATTEMPT $SKYPILOT_NODE_RANK $(date +%s%N) $2\" >> {ledger}; }}\n\
             said begin $(hostname)\nsum={}\n",
            self.base()
        );
        for (input, weight) in self.inputs.iter().zip(2_u64..) {
            let _ = write!(
                script,
                "read -r attempt value < ~/inputs/{input}\nsaid read {input}:$attempt\n\
                 sum=$((sum + {weight} * value))\n"
            );
        }
        // Long enough that some blows fall while it works.
        script.push_str("sleep 0.2\necho \"$WELKIN_ATTEMPT $sum\" > ~/outputs/out\nsaid end $sum\n");
        script
    }

    fn yaml(&self, ledger: &Path, results: &Path) -> String {
        let inputs: Vec<String> = self.inputs.iter().map(|input| format!("{input}: {input}.out")).collect();
        let delivered = match self.name {
            LAST => format!(", uri: \"file://{}\"", results.join(self.name).display()),
            _ => String::new(),
        };
        let mut text = format!(
            "  {}:\n    num_nodes: {}\n    resources: {{infra: ssh, cpus: 1}}\n    inputs: {{{}}}\n    \
             outputs: {{out: {{size: 1 MB{delivered}}}}}\n    run: |\n",
            self.name,
            self.nodes,
            inputs.join(", ")
        );
        self.script(ledger).lines().for_each(|line| {
            let _ = writeln!(text, "      {line}");
        });
        text
    }
}

/// The job file.
pub(super) fn job(ledger: &Path, results: &Path) -> String {
    let tasks: String = TASKS.iter().map(|task| task.yaml(ledger, results)).collect();
    format!("name: hunted\ntasks:\n{tasks}")
}
