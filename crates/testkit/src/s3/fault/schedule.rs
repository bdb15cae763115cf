//! The rules in force, and how often each was met.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::rule::{Fault, Rule};
use crate::s3::operation::Call;

/// Names a rule that was added to a running server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(u64);

#[derive(Default)]
pub(in crate::s3) struct Schedule {
    rules: Mutex<Rules>,
}

#[derive(Default)]
struct Rules {
    next: u64,
    armed: Vec<Armed>,
}

struct Armed {
    id: RuleId,
    rule: Rule,
    seen: u64,
    seen_by_key: HashMap<String, u64>,
    struck: u64,
}

impl Schedule {
    pub(in crate::s3) fn add(&self, rule: Rule) -> RuleId {
        let mut rules = self.lock();
        let id = RuleId(rules.next);
        rules.next += 1;
        rules.armed.push(Armed { id, rule, seen: 0, seen_by_key: HashMap::new(), struck: 0 });
        id
    }

    /// Ends a rule; how often it struck.
    pub(in crate::s3) fn remove(&self, id: RuleId) -> u64 {
        let mut rules = self.lock();
        let at = rules.armed.iter().position(|armed| armed.id == id);
        at.map_or(0, |at| rules.armed.remove(at).struck)
    }

    pub(in crate::s3) fn clear(&self) {
        self.lock().armed.clear();
    }

    pub(in crate::s3) fn struck(&self, id: RuleId) -> u64 {
        self.lock().armed.iter().find(|armed| armed.id == id).map_or(0, |armed| armed.struck)
    }

    /// What goes wrong with this request.
    pub(in crate::s3) fn draw(&self, call: &Call) -> Vec<Fault> {
        self.lock().armed.iter_mut().filter_map(|armed| armed.draw(call)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn draw(&mut self, call: &Call) -> Option<Fault> {
        if self.struck >= self.rule.times || !self.rule.fits(call) {
            return None;
        }
        let seen = if self.rule.per_key {
            self.seen_by_key.entry(format!("{}/{}", call.bucket, call.key)).or_default()
        } else {
            &mut self.seen
        };
        *seen += 1;
        let strikes = self.rule.when.strikes(*seen);
        self.struck += u64::from(strikes);
        strikes.then(|| self.rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::{Operation, When};

    fn call(operation: Operation, key: &str) -> Call {
        Call { operation, bucket: "b".to_owned(), key: key.to_owned(), upload: None }
    }

    fn pattern(rule: Rule, keys: &[&str]) -> String {
        let schedule = Schedule::default();
        schedule.add(rule);
        let get = |key: &&str| schedule.draw(&call(Operation::GetObject, key)).len();
        keys.iter().map(|key| if get(key) == 0 { '.' } else { 'x' }).collect()
    }

    #[test]
    fn requests_that_fit_are_counted() {
        let rule = || Rule::new(Fault::Replace);
        assert_eq!(pattern(rule().when(When::Every(2)), &["k"; 6]), ".x.x.x");
        assert_eq!(pattern(rule().when(When::From(4)).times(2), &["k"; 6]), "...xx.");
        assert_eq!(pattern(rule().when(When::Nth(2)).per_key(), &["a", "b", "a", "b", "a"]), "..xx.");
        assert_eq!(pattern(rule().key("a/"), &["a/x", "b/x", "a"]), "x..");
        assert_eq!(pattern(rule().only(&[Operation::PutObject]), &["a"; 3]), "...");
        let chance = rule().when(When::Chance { one_in: 4, seed: 1 });
        let many = pattern(chance.clone(), &["k"; 400]);
        assert_eq!(many, pattern(chance, &["k"; 400]));
        assert!((70..130).contains(&many.matches('x').count()), "{many}");
    }
}
