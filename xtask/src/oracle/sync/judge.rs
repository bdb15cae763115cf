//! What differs between the two targets, and what of it has a name.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;

use super::allowance::Allowance;
use super::state::{Node, State};
use super::step::{Level, Links, Order, Verb};
use crate::oracle::process::Ended;

/// What an object that stands for a link is called behind the link's name.
const LINK_OBJECT: &str = ".rclonelink";

/// What a file system lets a name be, in bytes.
const LONGEST_NAME: usize = 255;

/// What is known after a command that was left in peace.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) order: &'a Order,
    pub(super) source: &'a State,
    /// Whether anything in it, an empty folder too, has a name that is not text.
    pub(super) has_odd_name: bool,
    /// Welkin's target before the command.
    pub(super) before: &'a State,
    /// rclone's.
    pub(super) rclone_before: &'a State,
    pub(super) welkin: &'a State,
    pub(super) rclone: &'a State,
    pub(super) welkin_ended: &'a Ended,
    pub(super) rclone_ended: &'a Ended,
    /// What the source had when a command of this round was disturbed.
    pub(super) versions: &'a [State],
    /// Whether the target is a store that keeps its objects in folders.
    pub(super) target_is_folders: bool,
    /// Whether it is a folder behind a gateway.
    pub(super) target_is_gateway: bool,
}

/// The names of what differs, or the report.
pub(super) fn judge(evidence: &Evidence<'_>) -> Result<BTreeSet<Allowance>, String> {
    let mut allowed = BTreeSet::new();
    let mut report = String::new();
    match evidence.exit() {
        Ok(name) => allowed.extend(name),
        Err(why) => {
            let _ = writeln!(report, "{why}");
        }
    }
    let paths: BTreeSet<&OsString> = evidence.welkin.keys().chain(evidence.rclone.keys()).collect();
    for path in paths {
        let (here, there) = (evidence.welkin.get(path), evidence.rclone.get(path));
        if here == there {
            continue;
        }
        match evidence.path(path, here, there) {
            Some(name) => drop(allowed.insert(name)),
            None => {
                let told = |node: Option<&Node>| node.map_or_else(|| "nothing".to_owned(), Node::to_string);
                let source = told(evidence.source.get(path));
                let _ = writeln!(
                    report,
                    "{path:?}: here {}; rclone {}; source {source}",
                    told(here),
                    told(there)
                );
            }
        }
    }
    report.push_str(&evidence.promise());
    report.push_str(&evidence.removal());
    if report.is_empty() { Ok(allowed) } else { Err(report) }
}

impl Evidence<'_> {
    /// Is the exit code honest?
    fn exit(&self) -> Result<Option<Allowance>, String> {
        match (self.welkin_ended.code, self.rclone_ended.ok()) {
            _ if self.welkin_ended.hung => Err("it did not end".to_owned()),
            (Some(0), true) => Ok(None),
            (Some(0), false) => Ok(Some(Allowance::OnlyHere)),
            (Some(13), _) if self.has_odd_name || self.deletes() && self.target_has_odd_name() => {
                Ok(Some(Allowance::NameNotText))
            }
            (Some(13), _) if self.follows_links() => Ok(Some(Allowance::LinkReported)),
            (Some(2 | 3), _) if self.is_refused_filter() => Ok(Some(Allowance::FilterRefused)),
            (Some(_), false) => Ok(Some(Allowance::NeitherCould)),
            (Some(9), true) if !self.source.values().any(|node| matches!(node, Node::File(_))) => {
                Ok(Some(Allowance::NothingFound))
            }
            (Some(13), true) if self.has_long_link() => Ok(Some(Allowance::LinkAtGateway)),
            (Some(13), true) if self.has_file_in_the_way() => Ok(Some(Allowance::FileInTheWay)),
            (Some(13), true) if self.fails_behind_store() => Ok(Some(Allowance::FolderBehindStore)),
            (Some(code), true) => Err(format!("exit {code}, where rclone succeeded")),
            (None, _) => Err("a signal ended it".to_owned()),
        }
    }

    /// Nothing of such a name can be removed.
    fn target_has_odd_name(&self) -> bool {
        self.before.keys().any(|path| path.to_str().is_none())
    }

    /// What success means, whatever rclone did: every file of the source is there. With a filter, and where a
    /// level leaves what is there, rclone's word stands alone.
    fn promise(&self) -> String {
        let mut broken = String::new();
        if !self.welkin_ended.ok() || self.order.filter.is_some() || self.level() == Level::Missing {
            return broken;
        }
        let files = self.source.iter().filter(|(_, node)| matches!(node, Node::File(_)));
        for (path, node) in files.filter(|(path, _)| !self.is_behind_store(path)) {
            let here = self.welkin.get(path);
            let kept = match (self.level(), node, here) {
                (Level::Checksum, ..) => here == Some(node),
                (_, Node::File(there), Some(Node::File(here))) => there.size == here.size,
                _ => false,
            };
            if !kept {
                let told = here.map_or_else(|| "nothing".to_owned(), Node::to_string);
                let _ = writeln!(broken, "{path:?}: exit 0, but here {told}; source {node}");
            }
        }
        broken
    }

    /// What the success of a mirror means: no file is there that the source does not have. Files that come through
    /// links have names that only following them would tell.
    fn removal(&self) -> String {
        let mut broken = String::new();
        let mirror = self.deletes() && self.order.filter.is_none() && self.order.links != Links::Followed;
        if !self.welkin_ended.ok() || !mirror {
            return broken;
        }
        let file = |node: Option<&Node>| matches!(node, Some(Node::File(_)));
        let files = self.welkin.keys().filter(|path| file(self.welkin.get(*path)));
        for path in files.filter(|path| !self.is_behind_store(path) && self.link_of(path).is_none()) {
            if !file(self.source.get(path)) {
                let _ =
                    writeln!(broken, "{path:?}: exit 0 with --delete, but a file is here; source has none");
            }
        }
        broken
    }

    fn path(&self, path: &OsStr, here: Option<&Node>, there: Option<&Node>) -> Option<Allowance> {
        let source = self.source.get(path);
        let failed = self.welkin_ended.code != Some(0);
        if failed && self.is_refused_filter() && here == self.before.get(path) {
            return Some(Allowance::FilterRefused);
        }
        if failed && there.is_none() && here == self.before.get(path) && self.deletes() {
            return Some(Allowance::NothingRemovedAfterFailure);
        }
        if !self.rclone_ended.ok() && here.is_some() && here == source {
            return Some(Allowance::OnlyHere);
        }
        // Pipes and the like are nothing to copy.
        if !self.rclone_ended.ok() && here.is_none() && matches!(source, None | Some(Node::Special)) {
            return Some(Allowance::OnlyHere);
        }
        if !self.rclone_ended.ok() && failed && here == self.before.get(path) {
            return Some(Allowance::NeitherCould);
        }
        if failed && self.has_file_in_the_way() && here == self.before.get(path) {
            return Some(Allowance::FileInTheWay);
        }
        if failed && path.to_str().is_none() && here == self.before.get(path) {
            return Some(Allowance::NameNotText);
        }
        if self.is_link_at_gateway(path, here) {
            return Some(Allowance::LinkAtGateway);
        }
        if self.is_through_link(path, here, there) {
            return Some(Allowance::ThroughLink);
        }
        if self.is_of_an_interruption(path, here, source) {
            return Some(Allowance::KeptFromInterruption);
        }
        let followed = self.order.links == Links::Followed;
        if followed && self.deletes() && matches!(here, Some(Node::Link(_))) && here == self.before.get(path)
        {
            return Some(Allowance::LinkAtTarget);
        }
        let is_followed = followed && matches!(source, Some(Node::Link(_)));
        if !self.rclone_ended.ok() && is_followed && matches!(here, Some(Node::File(_))) {
            return Some(Allowance::OnlyHere);
        }
        // rclone's own store listed nothing, and so nothing was removed.
        let stale = here.is_none() && source.is_none() && there == self.rclone_before.get(path);
        if self.is_behind_store(path) || self.target_is_folders && self.deletes() && stale {
            return Some(Allowance::FolderBehindStore);
        }
        // It differed before the command, so it was judged then; `promise` says what may not stay so.
        let left = here == self.before.get(path) && there == self.rclone_before.get(path);
        left.then_some(Allowance::LeftDifferent)
    }

    /// Is it a link that a gateway leaves out and names, or one that it got as the object that rclone makes of a link
    /// where there are none?
    fn is_link_at_gateway(&self, path: &OsStr, here: Option<&Node>) -> bool {
        let object = |path: &OsStr| [path, OsStr::new(LINK_OBJECT)].into_iter().collect::<OsString>();
        let is_object = |path: &OsStr| matches!(self.welkin.get(path), Some(Node::File(_)));
        let left = here == self.before.get(path);
        // Links that the folder had are none of what its gateway lists.
        if self.target_is_gateway && left && matches!(here, Some(Node::Link(_))) {
            return true;
        }
        // rclone followed it, to files below it.
        if left && Path::new(path).ancestors().skip(1).any(|above| self.names_link(above.as_os_str())) {
            return true;
        }
        if self.is_link(path) {
            // Whatever else stood there is nothing that the source has.
            let gone = here.is_none() && self.deletes();
            let left_out = self.names_link(path) && (gone || left);
            return left_out
                || left && self.has_long_link()
                || (here.is_none() || left) && is_object(&object(path));
        }
        here.is_some() && self.link_of(path).is_some()
    }

    fn is_link(&self, path: &OsStr) -> bool {
        matches!(self.source.get(path), Some(Node::Link(_)))
    }

    /// The link of the source that the object of this name stands for.
    fn link_of(&self, path: &OsStr) -> Option<OsString> {
        let of = path.to_str().and_then(|path| path.strip_suffix(LINK_OBJECT)).map(OsString::from);
        of.filter(|of| self.order.links == Links::Kept && self.is_link(of))
    }

    /// Is there a link whose object would have too long a name for a folder?
    fn has_long_link(&self) -> bool {
        let long = |path: &OsStr| {
            Path::new(path).file_name().is_some_and(|name| name.len() + LINK_OBJECT.len() > LONGEST_NAME)
        };
        self.order.links == Links::Kept && self.source.keys().any(|path| self.is_link(path) && long(path))
    }

    /// Is it a path that a store of folders cannot have beside another that was or is about?
    fn is_behind_store(&self, path: &OsStr) -> bool {
        let states = [self.before, self.rclone_before, self.source, self.welkin, self.rclone];
        let mut others = states.into_iter().chain(self.versions).flat_map(State::keys);
        let path = Path::new(path);
        self.target_is_folders
            && others.any(|other| {
                let other = Path::new(other);
                other != path && (other.starts_with(path) || path.starts_with(other))
            })
    }

    /// Did nothing fail but what a store of folders shows for a while and has not, since a folder has its name?
    fn fails_behind_store(&self) -> bool {
        let states = [self.before, self.rclone_before, self.source, self.welkin, self.rclone];
        let all = states.into_iter().chain(self.versions).flat_map(State::keys);
        let known: Vec<String> =
            all.filter(|path| self.is_behind_store(path)).map(|path| format!("/{}: ", spelt(path))).collect();
        let lines = self.welkin_ended.stderr.lines();
        let failed: Vec<&str> = lines.filter_map(|line| line.strip_prefix("failed: ")).collect();
        !failed.is_empty() && failed.iter().all(|line| known.iter().any(|path| line.contains(path)))
    }

    /// Did rclone write through a link that its target had, where the source has a folder now? One of the two
    /// paths is that of the source, the other is where the link leads.
    fn is_through_link(&self, path: &OsStr, here: Option<&Node>, there: Option<&Node>) -> bool {
        let end = |from: &Path| {
            self.rclone_before.iter().find_map(|(link, node)| {
                let (link, Node::Link(to)) = (Path::new(link), node) else { return None };
                let rest = from.strip_prefix(link).ok().filter(|rest| !rest.as_os_str().is_empty())?;
                Some(link.with_file_name(to).join(rest))
            })
        };
        let file = |path: &OsStr| self.source.get(path).filter(|node| matches!(node, Node::File(_)));
        if there.is_none() {
            let end = end(Path::new(path));
            return here.is_some()
                && here == file(path)
                && end.is_some_and(|end| self.rclone.get(end.as_os_str()) == here);
        }
        here == self.before.get(path)
            && self.source.keys().any(|from| {
                file(from) == there && end(Path::new(from)).is_some_and(|end| end.as_os_str() == path)
            })
    }

    /// Did Welkin say that a gateway leaves this link out?
    fn names_link(&self, path: &OsStr) -> bool {
        let named = format!("left out: {}: it is a link, and gateways leave links out", spelt(path));
        self.welkin_ended.stderr.lines().any(|line| line == named)
    }

    /// Did a command that was disturbed bring it, and may it stay? Or is it what the source is, though
    /// rclone kept what it had?
    fn is_of_an_interruption(&self, path: &OsStr, here: Option<&Node>, source: Option<&Node>) -> bool {
        if self.versions.is_empty() {
            return false;
        }
        if here == source {
            return true;
        }
        let Some(Node::File(content)) = here else { return false };
        let brought = self.versions.iter().any(|version| version.get(path) == here);
        let same = match source {
            Some(Node::File(now)) => match self.level() {
                Level::Missing => true,
                Level::Size => now.size == content.size,
                Level::Time => (now.size, now.modified_s) == (content.size, self.time_of(path, here)),
                Level::Checksum => false,
            },
            // Nobody asked for its removal.
            _ => !self.deletes(),
        };
        brought && same
    }

    /// When the version that is here was modified.
    fn time_of(&self, path: &OsStr, here: Option<&Node>) -> i64 {
        let versions = self.versions.iter().filter_map(|version| version.get(path));
        let same = versions.filter(|version| Some(*version) == here);
        same.filter_map(|version| match version {
            Node::File(content) => Some(content.modified_s),
            _ => None,
        })
        .next_back()
        .unwrap_or(i64::MIN)
    }

    fn level(&self) -> Level {
        match self.order.verb {
            Verb::Copy { no_clobber: true } => Level::Missing,
            // All is copied.
            Verb::Copy { no_clobber: false } => Level::Checksum,
            Verb::Sync { level, .. } => level,
        }
    }

    fn deletes(&self) -> bool {
        matches!(self.order.verb, Verb::Sync { delete: true, .. })
    }

    /// Is there a link whose end is looked for, and may not be found?
    fn follows_links(&self) -> bool {
        self.order.links == Links::Followed && self.source.values().any(|node| matches!(node, Node::Link(_)))
    }

    /// Is there a file where the source has a folder, or the other way round? A disturbed command may have
    /// brought it, so that rclone's target has none.
    fn has_file_in_the_way(&self) -> bool {
        let crosses = |above: &State, below: &State| {
            below.keys().any(|path| {
                Path::new(path).ancestors().skip(1).any(|part| above.contains_key(part.as_os_str()))
            })
        };
        crosses(self.before, self.source) || crosses(self.source, self.before)
    }

    fn is_refused_filter(&self) -> bool {
        self.order.filter.is_some() && matches!(self.welkin_ended.code, Some(2 | 3))
    }
}

/// A name as messages have it: what a terminal would obey is spelt.
fn spelt(path: &OsStr) -> String {
    let mut text = String::new();
    for letter in path.to_string_lossy().chars() {
        let _ = match letter {
            '\n' => write!(text, "\\n"),
            '\r' => write!(text, "\\r"),
            '\t' => write!(text, "\\t"),
            letter if letter.is_control() => write!(text, "\\x{:02x}", u32::from(letter)),
            letter => write!(text, "{letter}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_looked_for_as_messages_spell_them() {
        for (name, spelling) in
            [("esc\u{1b}[31m/日本", "esc\\x1b[31m/日本"), ("new\nline\t\u{7f}", "new\\nline\\t\\x7f")]
        {
            assert_eq!(spelt(OsStr::new(name)), spelling);
        }
    }
}
