//! Up to which key everything is settled.

use std::collections::BTreeMap;

/// Steps that were begun in the order of keys and end in any order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    next: u64,
    /// Steps under way, each with the key before it.
    open: BTreeMap<u64, Option<String>>,
    last: Option<String>,
    marked: Option<String>,
}

impl Ledger {
    /// Begins the step of a key.
    pub(super) fn begin(&mut self, key: &str) -> u64 {
        let number = self.next;
        self.next += 1;
        self.open.insert(number, self.last.replace(key.to_owned()));
        number
    }

    /// Ends a step.
    pub(super) fn settle(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// A key that needs no step.
    pub(super) fn pass(&mut self, key: &str) {
        // The string is used again: this happens for each of millions.
        match &mut self.last {
            Some(last) => {
                last.clear();
                last.push_str(key);
            }
            None => self.last = Some(key.to_owned()),
        }
    }

    /// The last key up to which everything is settled, if that is news.
    pub(super) fn mark(&mut self) -> Option<String> {
        let settled = match self.open.first_key_value() {
            Some((_, before)) => before.clone(),
            None => self.last.clone(),
        };
        if settled.is_none() || settled == self.marked {
            return None;
        }
        self.marked.clone_from(&settled);
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_never_passes_what_is_under_way() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.mark(), None);
        let a = ledger.begin("a");
        let b = ledger.begin("b");
        ledger.pass("c");
        let d = ledger.begin("d");
        assert_eq!(ledger.mark(), None);
        ledger.settle(b);
        assert_eq!(ledger.mark(), None);
        ledger.settle(a);
        assert_eq!(ledger.mark().as_deref(), Some("c"));
        assert_eq!(ledger.mark(), None);
        ledger.settle(d);
        assert_eq!(ledger.mark().as_deref(), Some("d"));
    }
}
