//! What a run takes from the budget of a data set.

use super::file::Contract;
use super::verify::Refusal;
use crate::data::Snapshot;

impl Contract {
    /// Thousandths of epsilon that one run takes from the budget of a data set, of which so many were spent before; none where neither of
    /// the two is about noise.
    ///
    /// The owner of the data asks before a key leaves, by its own log of what was spent; an engine asks for itself.
    ///
    /// # Errors
    /// Where less is left, or only one of the two is about noise.
    pub fn spends(&self, snapshot: &Snapshot, spent: u64) -> Result<Option<u64>, Refusal> {
        let (party, name, version) = (snapshot.party.clone(), snapshot.name.clone(), snapshot.version);
        match (self.manifest.epsilon_of_a_run(), snapshot.epsilon_milli) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(Refusal::NoBudget { party, name, version }),
            (None, Some(_)) => Err(Refusal::NoNoise { party, name, version }),
            (Some(asked), Some(budget)) => {
                let left = budget.saturating_sub(spent);
                if asked > left {
                    return Err(Refusal::Budget { party, name, version, asked, left });
                }
                Ok(Some(asked))
            }
        }
    }
}
