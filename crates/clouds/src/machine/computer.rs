//! Which computer a lease is on, for folders that several computers share.
//!
//! Homes are often on a network disk, and then each computer sees the leases of all. A process that is
//! not found says something only on the computer it was started on, so records name theirs.

use super::layout::short_hash;
use serde::{Deserialize, Serialize};
use std::fs;
use std::sync::LazyLock;

/// A computer, as its kernel and its administrator name it.
///
/// Two are the same when they share the kernel and its processes, or a name: nobody may start a computer
/// anew between the two, or give it another name, without one of them staying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Computer {
    /// Of this run of the kernel, and of the processes that can be seen; empty when it cannot be told.
    boot: String,
    /// Its network name and a hash of machine-id(5), which is not to be shown; copies of an image have
    /// the same id, so that it takes both.
    name: String,
}

impl Computer {
    /// The one that this program runs on.
    pub(crate) fn here() -> &'static Self {
        static HERE: LazyLock<Computer> = LazyLock::new(Computer::detect);
        &HERE
    }

    /// Whether processes that were started there can be looked for here.
    pub(crate) fn is_here(&self) -> bool {
        let here = Self::here();
        self.name == here.name || (!self.boot.is_empty() && self.boot == here.boot)
    }

    fn detect() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let processes = fs::read_link("/proc/self/ns/pid");
        let boot = match (boot, processes) {
            (Ok(boot), Ok(processes)) => short_hash(format!("{boot} {}", processes.display()).as_bytes()),
            _ => String::new(),
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        Self { boot, name: format!("{host} {}", short_hash(id.trim().as_bytes())) }
    }

    /// One that is not this.
    #[cfg(test)]
    pub(crate) fn elsewhere() -> Self {
        Self { boot: "elsewhere".to_owned(), name: "elsewhere".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reboot_or_a_new_name_makes_no_other_computer_of_it() {
        let here = Computer::here().clone();
        assert!(here.is_here() && !here.boot.is_empty());
        assert!(Computer { boot: "later".to_owned(), ..here.clone() }.is_here());
        assert!(Computer { name: "renamed".to_owned(), ..here }.is_here());
        assert!(!Computer::elsewhere().is_here());
        assert!(!Computer { boot: String::new(), ..Computer::elsewhere() }.is_here());
    }
}
