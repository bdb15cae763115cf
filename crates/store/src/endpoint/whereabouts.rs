//! Where a folder really lies, so that one that lies in another is known for it.
//!
//! A chain of steps from the outside in. What a step *is* and what it is *called* are two things: a folder of a disk is
//! its device and inode, whichever links, mounts and names lead to it. Where nothing better is known, a step is the text
//! that leads to it.
//!
//! *Rejected:* comparing names. A link, `..`, and two sections of one configuration that name the same bucket are all it
//! takes to make two names of one place.

/// One of the ways in which a place can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    is: String,
    called: String,
}

impl Whereabouts {
    /// The outermost step.
    #[must_use]
    pub fn at(is: impl Into<String>) -> Self {
        Self { steps: vec![Step { is: is.into(), called: String::new() }] }
    }

    /// One step further in.
    #[must_use]
    pub fn step(mut self, is: impl Into<String>, called: impl Into<String>) -> Self {
        self.steps.push(Step { is: is.into(), called: called.into() });
        self
    }

    /// As many steps as the parts of `prefix` are, each known by its text alone.
    #[must_use]
    pub fn below(self, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('/');
        let parts = prefix.split('/').filter(|_| !prefix.is_empty());
        parts.fold(self, |at, part| {
            let is = format!("{}/{part}", at.steps.last().map_or("", |step| &step.is));
            at.step(is, part)
        })
    }

    /// What leads from here to `other`: `a/b/`, nothing where both are one, and `None` where it does not lie in here.
    #[must_use]
    pub fn way_to(&self, other: &Self) -> Option<String> {
        let here = &self.steps.last()?.is;
        let at = other.steps.iter().rposition(|step| step.is == *here)?;
        Some(other.steps[at + 1..].iter().map(|step| format!("{}/", step.called)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lies_in_another_at_a_slash_alone() {
        let at = |prefix: &str| Whereabouts::at("s3 pail").below(prefix);
        for (outer, inner, way) in [
            ("", "", Some("")),
            ("a/", "a", Some("")),
            ("", "a/b/", Some("a/b/")),
            ("a/", "a/b/", Some("b/")),
            ("a/", "ab/", None),
            ("a/b/", "a/", None),
            ("a/", "b/a/", None),
            ("b/", "a/b/", None),
            ("a//b/", "a//b/c/", Some("c/")),
        ] {
            assert_eq!(at(outer).way_to(&at(inner)).as_deref(), way, "{outer} and {inner}");
        }
        assert_eq!(Whereabouts::at("s3 pail").way_to(&Whereabouts::at("s3 bucket")), None);
    }

    #[test]
    fn what_a_step_is_counts_and_not_what_it_is_called() {
        let outer = Whereabouts::at("1:2").step("1:7", "tree");
        let inner = Whereabouts::at("1:2").step("1:5", "mnt").step("1:7", "other").step("1:9", "sub");
        assert_eq!(outer.way_to(&inner).as_deref(), Some("sub/"));
    }
}
