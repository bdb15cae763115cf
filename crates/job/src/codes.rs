//! Every diagnostic code with a title and a long explanation, for `welkin explain CODE`.
//!
//! One table makes the enum, the printed form and the explanation, so no code can exist without
//! its words.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! codes {
    ($($variant:ident = $name:literal, $title:literal, $explanation:literal;)+) => {
        /// What kind of thing a diagnostic is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The printed form, such as `job::unknown-key`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// One line saying what is wrong.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What it means and what to do about it.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation),+ }
            }
        }
    };
}

codes! {
    FileTooLarge = "job::file-too-large", "The job file is too large",
        "A job file may hold at most 4 MiB. Larger files are refused by their length alone, before anything is read. Data belongs into a bucket or a file mount, and long scripts into the workdir, from where `run` can call them.";
    NotText = "job::not-text", "The job file is not plain text",
        "A job file is UTF-8 text. Bytes that are not UTF-8, and control characters other than tab and line ends, have no place in it. Was a binary or compressed file named by mistake?";
    Syntax = "job::syntax", "The file is not valid YAML",
        "The text could not be read as YAML, so nothing after this place was looked at. Common causes: a tab used for indentation, a missing space after a colon, a quote that is never closed, or a value that holds `: ` and needs quotes.";
    UnknownAnchor = "job::unknown-anchor", "An alias refers to no anchor",
        "`*name` repeats the value marked `&name` earlier in the same document. No such mark was found before this place.";
    Tag = "job::tag", "A YAML tag is not supported",
        "Only the standard tags `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map`, `!!seq` and `!!set` are understood. Tags that would construct objects are refused.";
    TooDeep = "job::too-deep", "The file nests too deeply",
        "Collections may nest 64 levels deep, four times deeper than any key that has a meaning.";
    TooBig = "job::too-big", "The file grows too much when it is expanded",
        "Aliases, merge keys, inherited defaults and variable substitution can make a small file stand for an enormous one. The expanded file may have at most 200,000 nodes and 16 MiB of text, and a job may grow by at most 64 MiB.";
    TooMany = "job::too-many", "There are too many of something",
        "Each list in a job file is bounded: 10,000 tasks, 20,000 edges, 512 resource options a task, 1,024 variables a task, 64 labels a resource. The message names the bound that was passed.";
    DuplicateKey = "job::duplicate-key", "A key appears twice in one mapping",
        "YAML readers differ in which of two equal keys wins, so neither is trusted. The message gives both places; remove one of them.";
    Empty = "job::empty", "The file describes no task",
        "The file is empty or holds only empty documents. Give at least a `run:` script.";
    UnknownKey = "job::unknown-key", "A key is not known at this place",
        "The key has no meaning here. It is refused rather than skipped, since a misspelt `accelerators` that is silently ignored costs money. When a known key is spelt similarly, the message suggests it.";
    MissingKey = "job::missing-key", "A required key is missing",
        "This mapping needs a key that is not there; the message names it.";
    WrongType = "job::wrong-type", "A value has the wrong type",
        "The value is of another YAML type than expected. Mind that YAML 1.1, which task files use, reads `yes`, `no`, `on` and `off` as booleans, `010` as eight and `1:30` as ninety: put quotes around text.";
    InvalidValue = "job::invalid-value", "A value is not acceptable",
        "The type fits but the value does not: an unknown choice, a malformed number or name. The message says what was expected.";
    Negative = "job::negative", "A quantity is negative or zero",
        "Sizes, counts, prices and times cannot be negative, and some cannot be zero.";
    TooLarge = "job::too-large", "A quantity is absurdly large",
        "The value passes a bound that no real machine, data set or job reaches, so it is taken for a slip of the keyboard.";
    TooLong = "job::too-long", "A text is too long",
        "Names may have 255 bytes, paths 4,096 bytes, variables 128 KiB and expressions 4 KiB, since they end up as file names, process environments and rows in a database.";
    Conflict = "job::conflict", "Two keys contradict each other",
        "Both keys say the same thing in different ways (`infra` and `region`, `any_of` and `ordered`, `service` and `pool`). Keep one of them.";
    BadName = "job::bad-name", "A name has characters that are not allowed",
        "Names start and end with a letter or digit and may have letters, digits, and single or double `.`, `_` or `-` between them. They become host names, folder names and labels on clouds.";
    UnknownProvider = "job::unknown-provider", "The provider is not known",
        "The first part of `infra` names a cloud, cluster or local provider, such as `aws`, `gcp`, `kubernetes` or `local`; `*` stands for any. The message suggests a provider with a similar name.";
    EnvUnset = "job::env-unset", "A variable has no value",
        "A variable without a value must be given on the command line: `--env NAME=value`. To make it empty on purpose, write `NAME: \"\"`.";
    SecretUnset = "job::secret-unset", "A secret has no value",
        "A secret without a value is to be given on the command line, `--secret NAME=value`, so that it never stands in a file. Planning works without it, running does not.";
    SecretInPath = "job::secret-in-path", "A secret is used where it would be shown",
        "Paths, URIs and service settings appear in plans, logs and records, so a secret is not filled in there; the text stays as written. Read the secret from the environment in `run` instead.";
    UnknownTask = "job::unknown-task", "A reference names no task",
        "`task.output` in `inputs`, and the names in `after`, refer to tasks of the same file. The message suggests a task with a similar name.";
    UnknownOutput = "job::unknown-output", "A reference names no output",
        "`task.output` must name an entry in the `outputs` of that task.";
    Cycle = "job::cycle", "Tasks depend on each other in a circle",
        "Following inputs and `after`, a task would have to finish before itself. The message gives the circle; break it at one of the edges.";
    PolicyConflict = "job::policy-conflict", "No place can satisfy both policies",
        "The policy of the job and the policy of the task were intersected, and nothing is left: no common residency, or no provider that is allowed and not denied. Widen one of them.";
    DuplicateTask = "job::duplicate-task", "Two tasks have the same name",
        "Task names identify tasks in references, logs and bills. In a chain, where SkyPilot accepts equal names, the later task gets a number appended; elsewhere it is an error.";
    Deprecated = "job::deprecated", "A key is outdated",
        "The key still works as before; the message names its successor.";
}

impl Code {
    /// The code printed as `name`, with or without the `job::` prefix.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == name || code.as_str().strip_prefix("job::") == Some(name))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_explained() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::find(code.as_str()), Some(*code));
            assert!(code.as_str().starts_with("job::"), "{code}");
            assert!(code.explanation().len() > code.title().len(), "{code}");
        }
        assert_eq!(Code::find("cycle"), Some(Code::Cycle));
        assert_eq!(Code::find("no-such-code"), None);
    }
}
