//! Every bound on a job file, with the arithmetic behind it.
//!
//! The bounds hold together: text and nodes bound what is read, the budgets bound what reading may
//! multiply (aliases, substitution, inherited defaults, unfolded resources). The worst files found
//! at these limits take under a second in a release build on one core, and by the sums below some 150 MB;
//! the founding example takes 0.2 ms.

/// Largest job file in bytes: 4 MiB. The longest published task files are under 64 KiB; 1,000
/// tasks of 4 KiB each fill it, or 10,000 of 400 bytes.
pub const MAX_FILE_BYTES: usize = 4 << 20;

/// Deepest nesting of YAML collections: 64. The deepest key that means anything (a `pod_config`
/// inside `config`) lies about 16 levels down; four times that, and recursion stays far below a
/// 2 MiB stack at under 1 KiB a frame.
pub const MAX_DEPTH: usize = 64;

/// Most YAML nodes after aliases are expanded: 400,000, or 40 for each of 10,000 tasks; one with a time, an
/// input, an output and a script has 20. A node is about 100 bytes, so a tree takes at most some 40 MB.
pub const MAX_NODES: usize = 400_000;

/// Most bytes of scalar text after aliases are expanded: 16 MiB, four times the file itself.
pub const MAX_TREE_BYTES: usize = 16 << 20;

/// Most documents in a file: a header and [`MAX_TASKS`] tasks.
pub const MAX_DOCUMENTS: usize = MAX_TASKS + 1;

/// Most tasks in a job: 10,000. The largest pipelines reported for SkyPilot have about 100; sweeps have
/// thousands. A task with its options takes some 2 KB here and with 12 alternatives some 8 KB in a plan, so
/// that a job at this bound takes 20 MB and its plan 80 MB.
pub const MAX_TASKS: usize = 10_000;

/// Most edges in a job: 20,000, or 20 inputs for each of 1,000 tasks, two for each of 10,000.
pub const MAX_EDGES: usize = 20_000;

/// Most acceptable resources of one task once `any_of`, `ordered` and accelerator lists are
/// unfolded: 512; the largest published lists have about 20.
pub const MAX_OPTIONS_PER_TASK: usize = 512;

/// Most options in a job: 40,000, four for each of 10,000 tasks, at about 600 bytes each some 24 MB.
pub const MAX_OPTIONS: usize = 40_000;

/// Most parties of a federated training: 256. Every one draws masks with every other, 32,640 pairs.
pub const MAX_PARTIES: usize = 256;

/// Bytes that substitution, inheritance and unfolding may add to a job in all: 64 MiB.
pub const MAX_GROWTH_BYTES: usize = 64 << 20;

/// Most environment variables (or secrets) of one task: 1,024. Linux gives a process 2 MiB for
/// arguments and environment; 1,024 variables of 2 KiB fill that.
pub const MAX_ENVS: usize = 1_024;

/// Longest value of an environment variable: Linux accepts 128 KiB (32 pages of 4 KiB) for one string, in
/// which the longest name, `=` and the final NUL take their place.
pub const MAX_ENV_VALUE_BYTES: usize = (128 << 10) - MAX_NAME_BYTES - 2;

/// Longest name of a job, task, input, output or variable, in bytes: 255, the longest file name on
/// every file system the names end up on.
pub const MAX_NAME_BYTES: usize = 255;

/// Longest path or URI in bytes: 4,096, as in Linux.
pub const MAX_PATH_BYTES: usize = 4_096;

/// Most nodes of one task: 10,000, five times the largest gang that SkyPilot documents.
pub const MAX_NODES_PER_TASK: u32 = 10_000;

/// Most accelerators of one node: 65,536; the largest TPU slices have under 10,000 chips.
pub const MAX_ACCELERATORS_PER_NODE: u32 = 65_536;

/// Most vCPUs of one node: 1,000,000; the largest machine sold has under 2,000.
pub const MAX_CPUS: u64 = 1_000_000;

/// Most memory of one node in GiB: 1,000,000; the largest machine sold has 32,768.
pub const MAX_MEMORY_GIB: u64 = 1_000_000;

/// Largest declared size of data, in bytes: 1 EB. A hundred links of 100 Gbit/s need ten days for it.
pub const MAX_DATA_BYTES: u64 = 1_000_000_000_000_000_000;

/// Longest stated time in days: 3,650. Ten years outlive every machine in the catalog.
pub const MAX_SPAN_DAYS: u64 = 3_650;

/// Most entries in a short list (ports, volumes, certificates, exit codes and the like): 1,024.
pub const MAX_LIST: usize = 1_024;

/// Most labels on one resource: 64, the most any cloud keeps (Google Cloud's limit; AWS has 50).
pub const MAX_LABELS: usize = 64;

/// Most file mounts of one task: 1,024.
pub const MAX_MOUNTS: usize = 1_024;

/// Longest CEL expression in bytes: 4 KiB, fifty lines of 80 columns.
pub const MAX_EXPRESSION_BYTES: usize = 4 << 10;

/// Most errors kept, and most warnings; further ones are counted. A screen shows about ten.
pub const MAX_DIAGNOSTICS: usize = 100;

/// Longest source line or offending text shown, in characters: two lines of 100 columns.
pub const MAX_SHOWN_CHARS: usize = 200;

/// Longest file in which lines at an indentation that only PyYAML accepts are moved: 256 KiB. Each
/// move reads the file again; [`MAX_REPAIRS`] times 256 KiB are as much as two files at their bound.
pub const MAX_REPAIRED_BYTES: usize = 256 << 10;

/// Most such lines in a file: 32.
pub const MAX_REPAIRS: usize = 32;
