//! CPU and memory limits, where the kernel grants them.
//!
//! Three arrangements exist in the wild: version 2 alone, version 1 alone, and the hybrid, in which
//! version 1 has the controllers and version 2 is there to group (and kill) processes. Each part is
//! tried by doing it: folders may be visible and still refuse a write.
//!
//! A limit that the machine could not exceed anyway is not set: a node that stands for 96 virtual
//! CPUs gets all that this machine has, and says so.

use super::hardware::Hardware;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use welkin_units::Bytes;

/// Parent of the groups of all nodes.
const PARENT: &str = "welkin";

/// Length of one accounting period of the CPU controllers, in microseconds: the kernel's default.
const PERIOD_US: u64 = 100_000;

/// How long to wait for killed processes to leave their group. They are dead already; the group
/// empties as soon as each has been scheduled once more.
const EMPTY_WITHIN: Duration = Duration::from_secs(2);

/// Where groups of nodes can be made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cgroups {
    /// Version 2: groups, kills, and limits with the controllers it has.
    unified: Option<PathBuf>,
    unified_cpu: bool,
    unified_memory: bool,
    cpu: Option<PathBuf>,
    memory: Option<PathBuf>,
}

/// What one node got.
#[derive(Debug, Default)]
pub(crate) struct Grant {
    /// Its groups.
    pub(crate) groups: Vec<PathBuf>,
    /// In words.
    pub(crate) text: String,
}

impl Cgroups {
    /// Finds out by trying.
    pub(crate) fn detect() -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = Mount::parse(&mounts);
        let mut found = Self {
            cpu: version_1(&mounts, &own, "cpu", "cpu.cfs_quota_us"),
            memory: version_1(&mounts, &own, "memory", "memory.limit_in_bytes"),
            ..Self::default()
        };
        if let Some(parent) = version_2(&mounts, &own) {
            let controllers = fs::read_to_string(parent.join("cgroup.subtree_control")).unwrap_or_default();
            found.unified_cpu = controllers.split_whitespace().any(|name| name == "cpu");
            found.unified_memory = controllers.split_whitespace().any(|name| name == "memory");
            found.unified = Some(parent);
        }
        found
    }

    /// Every group of a node that this process can see.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        let parents = [&self.unified, &self.cpu, &self.memory].into_iter().flatten();
        let entries = parents.filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten();
        entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect()
    }

    /// Whether CPU and memory can be limited.
    pub(crate) const fn limits(&self) -> (bool, bool) {
        (self.unified_cpu || self.cpu.is_some(), self.unified_memory || self.memory.is_some())
    }

    /// Groups for `node` with the limits asked for, as far as they bind on `host`.
    pub(crate) fn make(&self, node: &str, vcpus_milli: u32, memory: Bytes, host: &Hardware) -> Grant {
        let quota = (vcpus_milli > 0 && vcpus_milli < host.vcpus_milli)
            .then(|| u64::from(vcpus_milli) * PERIOD_US / 1_000);
        let bytes = (memory > Bytes::ZERO && memory < host.memory).then(|| memory.get());
        let mut groups = Vec::new();
        let mut limited = (false, false);
        if let Some(group) = self.unified.as_ref().and_then(|parent| make_group(parent, node)) {
            if let Some(quota) = quota.filter(|_| self.unified_cpu) {
                limited.0 |= fs::write(group.join("cpu.max"), format!("{quota} {PERIOD_US}")).is_ok();
            }
            if let Some(bytes) = bytes.filter(|_| self.unified_memory) {
                limited.1 |= fs::write(group.join("memory.max"), bytes.to_string()).is_ok();
            }
            groups.push(group);
        }
        if let (Some(quota), Some(parent)) = (quota, &self.cpu)
            && let Some(group) = make_group(parent, node)
        {
            limited.0 |= fs::write(group.join("cpu.cfs_period_us"), PERIOD_US.to_string()).is_ok()
                && fs::write(group.join("cpu.cfs_quota_us"), quota.to_string()).is_ok();
            groups.push(group);
        }
        if let (Some(bytes), Some(parent)) = (bytes, &self.memory)
            && let Some(group) = make_group(parent, node)
        {
            limited.1 |= fs::write(group.join("memory.limit_in_bytes"), bytes.to_string()).is_ok();
            groups.push(group);
        }
        let cpu_text = said(
            vcpus_milli > 0,
            quota.is_some(),
            limited.0,
            || vcpus(vcpus_milli),
            &vcpus(host.vcpus_milli),
        );
        let memory_text = said(
            memory > Bytes::ZERO,
            bytes.is_some(),
            limited.1,
            || memory.to_string(),
            &host.memory.to_string(),
        );
        Grant { groups, text: format!("CPU: {cpu_text}; memory: {memory_text}") }
    }
}

/// Kills whatever is in `group` and removes it; one that is gone is fine.
pub(crate) fn remove(group: &Path) -> io::Result<()> {
    let until = Instant::now() + EMPTY_WITHIN;
    loop {
        if let Err(error) = fs::write(group.join("cgroup.kill"), "1") {
            match error.kind() {
                // Gone, or version 1, which has no such file: its processes are ended one by one.
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => kill_each(group),
                _ => return Err(error),
            }
        }
        match fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

/// A pid read from a group is a process of that group; it could only be recycled between the two
/// lines below, and every fork in the group would then still be caught by the caller's next round.
fn kill_each(group: &Path) {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let members = || fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for line in members().lines() {
        let Some(pid) = line.parse().ok().and_then(Pid::from_raw) else { continue };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        if members().lines().any(|member| member == line) {
            // One that has just ended by itself is what is wanted.
            let _ = pidfd_send_signal(handle, Signal::KILL);
        }
    }
}

fn make_group(parent: &Path, node: &str) -> Option<PathBuf> {
    let group = parent.join(node);
    fs::create_dir_all(&group).ok()?;
    Some(group)
}

fn said(asked: bool, binds: bool, granted: bool, amount: impl Fn() -> String, host: &str) -> String {
    match (asked, binds, granted) {
        (false, _, _) => format!("no limit asked for ({host} here)"),
        (true, false, _) => format!("{} asked for, all {host} of this machine given", amount()),
        (true, true, true) => format!("limited to {}", amount()),
        (true, true, false) => {
            format!("{} asked for, not limited: the kernel grants no control group", amount())
        }
    }
}

fn vcpus(milli: u32) -> String {
    format!("{} vCPU", f64::from(milli) / 1_000.0)
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    path: PathBuf,
    unified: bool,
    options: Vec<String>,
}

impl Mount {
    /// Lines of proc_pid_mountinfo(5): fixed fields, optional ones, `-`, type, source, options.
    fn parse(mountinfo: &str) -> Vec<Self> {
        let line = |line: &str| {
            let (left, right) = line.split_once(" - ")?;
            let mut right = right.split(' ');
            let kind = right.next()?;
            let options = right.nth(1)?.split(',').map(str::to_owned).collect();
            let path = PathBuf::from(left.split(' ').nth(4)?);
            matches!(kind, "cgroup" | "cgroup2").then_some(Self { path, unified: kind == "cgroup2", options })
        };
        mountinfo.lines().filter_map(line).collect()
    }
}

/// The path of this process in the hierarchy of `controller` (empty: version 2), from
/// proc_pid_cgroup(5): `number:controllers:path`.
fn own_path<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let controllers = fields.nth(1)?;
        let matches = if controller.is_empty() {
            controllers.is_empty()
        } else {
            controllers.split(',').any(|name| name == controller)
        };
        matches.then(|| fields.next())?
    })
}

/// A folder for groups in a version 1 hierarchy. Below our own group first, which keeps nodes inside
/// the limits that this process itself has; inside a container that path may not be visible.
fn version_1(mounts: &[Mount], own: &str, controller: &str, knob: &str) -> Option<PathBuf> {
    let mount = mounts.iter().find(|m| !m.unified && m.options.iter().any(|option| option == controller))?;
    let own = own_path(own, controller).unwrap_or("/").trim_start_matches('/');
    [mount.path.join(own), mount.path.clone()]
        .into_iter()
        .filter(|folder| folder.is_dir())
        .map(|folder| folder.join(PARENT))
        .find(|parent| fs::create_dir_all(parent).is_ok() && is_writable(&parent.join(knob)))
}

/// A folder for groups in the version 2 hierarchy. Not below our own group: there, processes live
/// only in leaves. At the top, as root, or beside our own group, in a user's delegated part.
fn version_2(mounts: &[Mount], own: &str) -> Option<PathBuf> {
    let mount = mounts.iter().find(|mount| mount.unified)?;
    let own = Path::new(own_path(own, "").unwrap_or("/").trim_start_matches('/'));
    let beside = own.parent().map(|parent| mount.path.join(parent));
    let above = std::iter::once(mount.path.clone()).chain(beside).find(|above| {
        let parent = above.join(PARENT);
        fs::create_dir_all(&parent).is_ok() && is_writable(&parent.join("cgroup.procs"))
    })?;
    let parent = above.join(PARENT);
    for controller in ["cpu", "memory"] {
        for folder in [&above, &parent] {
            // Refused where the controller belongs to version 1; what was granted is read back.
            let _ = fs::write(folder.join("cgroup.subtree_control"), format!("+{controller}"));
        }
    }
    Some(parent)
}

fn is_writable(file: &Path) -> bool {
    fs::OpenOptions::new().write(true).open(file).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn mounts_of_a_hybrid_are_told_apart() {
        let mounts = Mount::parse(MOUNTINFO);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].path, Path::new("/sys/fs/cgroup/cpu,cpuacct"));
        assert!(mounts[0].options.contains(&"cpu".to_owned()) && !mounts[0].unified);
        assert!(mounts[1].unified);
    }

    #[test]
    fn the_own_path_may_hold_a_colon() {
        let own = "4:memory:/a:b\n1:cpu,cpuacct:/c\n0::/d\n";
        assert_eq!(own_path(own, "memory"), Some("/a:b"));
        assert_eq!(own_path(own, "cpuacct"), Some("/c"));
        assert_eq!(own_path(own, ""), Some("/d"));
        assert_eq!(own_path(own, "pids"), None);
    }

    #[test]
    fn what_the_machine_lacks_is_not_limited() {
        let host = Hardware { vcpus_milli: 2_000, memory: Bytes::from_gib(4), gpus: 0 };
        let grant = Cgroups::default().make("n", 96_000, Bytes::ZERO, &host);
        assert!(grant.groups.is_empty());
        assert!(grant.text.contains("all 2 vCPU of this machine"), "{}", grant.text);
        assert!(grant.text.contains("memory: no limit asked for"), "{}", grant.text);
        let grant = Cgroups::default().make("n", 1_000, Bytes::from_gib(1), &host);
        assert!(grant.text.contains("1 vCPU asked for, not limited"), "{}", grant.text);
    }
}
