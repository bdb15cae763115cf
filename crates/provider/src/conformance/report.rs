//! What came of a run of the suite.

use std::fmt;

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The promise was kept.
    Passed,
    /// The promise was broken; how.
    Failed(String),
    /// The harness says that it cannot be tried; why.
    NotTested(String),
}

/// The verdicts of a run, in the order of the checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Id of each check and what came of it.
    pub verdicts: Vec<(&'static str, Verdict)>,
}

impl Report {
    /// Whether no promise was broken. What was not tested does not count for or against.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.failed().is_empty()
    }

    /// Ids of the checks that passed.
    #[must_use]
    pub fn passed(&self) -> Vec<&'static str> {
        self.those(|verdict| matches!(verdict, Verdict::Passed))
    }

    /// Ids of the checks that failed.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.those(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    /// Ids of the checks that were not tested.
    #[must_use]
    pub fn not_tested(&self) -> Vec<&'static str> {
        self.those(|verdict| matches!(verdict, Verdict::NotTested(_)))
    }

    fn those(&self, wanted: impl Fn(&Verdict) -> bool) -> Vec<&'static str> {
        self.verdicts.iter().filter(|(_, verdict)| wanted(verdict)).map(|(id, _)| *id).collect()
    }
}

/// One line a check, and a last line with the counts.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, verdict) in &self.verdicts {
            match verdict {
                Verdict::Passed => writeln!(f, "passed      {id}")?,
                Verdict::Failed(how) => writeln!(f, "FAILED      {id}: {how}")?,
                Verdict::NotTested(why) => writeln!(f, "not tested  {id}: {why}")?,
            }
        }
        let (passed, failed, not) = (self.passed().len(), self.failed().len(), self.not_tested().len());
        write!(f, "{passed} passed, {failed} failed, {not} not tested")
    }
}
