//! The registry of kinds: what sort of service a name names.
//!
//! The registry is closed. A program that routes work must know every kind there is, and a kind that
//! one party invents is a name that another cannot resolve. What a kind leaves open is said by a
//! sub-kind after a dot (`db.cluster`, `k8s.object`), which is not registered.

use std::fmt;

macro_rules! kinds {
    ($($variant:ident = $id:literal, $doc:literal;)*) => {
        /// What sort of service a name names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind { $(#[doc = $doc] $variant,)* }

        impl Kind {
            /// Every kind, in the order of the registry.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word that stands in a name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// What the kind covers, in a few words.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }

            /// The kind whose word is `id`, in lower case.
            pub fn from_id(id: &str) -> Option<Self> {
                match id { $($id => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

kinds! {
    Vm = "vm", "A virtual machine.";
    Bm = "bm", "A whole physical machine.";
    Tpu = "tpu", "A slice of tensor processing units rented as one.";
    K8s = "k8s", "A Kubernetes cluster.";
    Func = "func", "A function or container started per request.";
    Batch = "batch", "A queue that runs jobs to their end.";
    Object = "object", "An object store or one of its buckets.";
    Block = "block", "A block device.";
    File = "file", "A shared file system.";
    Db = "db", "A relational database.";
    Kv = "kv", "A key-value or document store, caches included.";
    Queue = "queue", "A message queue.";
    Stream = "stream", "A log of events with readers at their own positions.";
    Infer = "infer", "A model served behind an endpoint.";
    Registry = "registry", "A registry of images or packages.";
    Secret = "secret", "A store of secrets or keys.";
    Tee = "tee", "A service that attests trusted execution environments.";
    Link = "link", "A private connection between places.";
    Egress = "egress", "A way out: traffic to elsewhere as a service of its own.";
    License = "license", "A right to use software.";
    Slurm = "slurm", "A partition of a Slurm cluster.";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
