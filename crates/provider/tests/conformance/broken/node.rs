//! A node around a sound one that breaks one promise.

use super::flaw::Flaw;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use welkin_provider::{ErrorKind, Event, EventKind, Exit, Node, ProviderError, Step, StepId, Stream};
use welkin_units::Span;

/// Why the locks here cannot be poisoned.
const UNBROKEN: &str = "nothing panics while it holds the lock";

#[derive(Debug)]
pub(crate) struct BrokenNode {
    node: Arc<dyn Node>,
    flaw: Flaw,
    started: Mutex<BTreeSet<StepId>>,
    stopped: Mutex<BTreeSet<StepId>>,
    restarts: AtomicU64,
}

impl BrokenNode {
    pub(crate) fn new(node: Arc<dyn Node>, flaw: Flaw) -> Self {
        Self { node, flaw, started: Mutex::default(), stopped: Mutex::default(), restarts: AtomicU64::new(0) }
    }

    fn told(&self, mut events: Vec<Event>) -> Vec<Event> {
        for event in &mut events {
            let kind = &mut event.kind;
            match (self.flaw, &mut *kind) {
                (Flaw::HidesExitCodes, EventKind::Finished { exit: exit @ Exit::Code { .. } }) => {
                    *exit = Exit::Success;
                }
                (Flaw::HidesSignals, EventKind::Finished { exit: exit @ Exit::Signal { .. } }) => {
                    *exit = Exit::Code { code: 137 };
                }
                (Flaw::CallsStopsSignals, EventKind::Finished { exit: exit @ Exit::Stopped }) => {
                    *exit = Exit::Signal { signal: 15 };
                }
                (Flaw::MixesStreams, EventKind::Log { stream, .. }) => *stream = Stream::Stdout,
                _ => {}
            }
        }
        if self.flaw == Flaw::NumbersFromZero {
            (0..).zip(&mut events).for_each(|(seq, event)| event.seq = seq);
        }
        if self.flaw == Flaw::HidesTheStart {
            events.iter_mut().for_each(|event| event.seq -= 1);
        }
        events
    }
}

#[async_trait]
impl Node for BrokenNode {
    async fn start(&self, step: &Step) -> Result<(), ProviderError> {
        let mut step = step.clone();
        let again = !self.started.lock().expect(UNBROKEN).insert(step.id.clone());
        match self.flaw {
            Flaw::RunsAgain if again => {
                let nth = self.restarts.fetch_add(1, Ordering::Relaxed);
                step.id = StepId(format!("{}-restart-{nth}", step.id));
            }
            Flaw::TakesAnyStepForAnId if again => return Ok(()),
            Flaw::LosesTheEnvironment => step.env.clear(),
            Flaw::ShowsSecrets => step.secret_env.clear(),
            Flaw::PublishesNothing => step.publish.clear(),
            Flaw::FetchesNothing => step.fetch.clear(),
            _ => {}
        }
        self.node.start(&step).await
    }

    async fn events(&self, step: &StepId, from: u64, wait: Span) -> Result<Vec<Event>, ProviderError> {
        let from = match self.flaw {
            Flaw::IgnoresFrom => 0,
            Flaw::HidesTheStart => from + 1,
            _ => from,
        };
        let wait = if self.flaw == Flaw::NeverWaits { Span::ZERO } else { wait };
        match self.node.events(step, from, wait).await {
            Ok(events) => Ok(self.told(events)),
            Err(error) if self.flaw == Flaw::KnowsEveryStep && error.kind == ErrorKind::NotFound => {
                Ok(vec![])
            }
            Err(error) => Err(error),
        }
    }

    async fn stop(&self, step: &StepId, grace: Span) -> Result<(), ProviderError> {
        let again = !self.stopped.lock().expect(UNBROKEN).insert(step.clone());
        if again && self.flaw == Flaw::FailsTheSecondStop {
            return Err(ProviderError::new("aws", "stop", ErrorKind::NotFound, "it is over"));
        }
        self.node.stop(step, grace).await
    }
}
