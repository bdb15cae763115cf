//! Hears what other brokers have written: a connection that listens, and what it heard until somebody asks.
//!
//! What is heard only wakes. After a connection was made anew anything may have been written meanwhile, and that is said.

use crate::commit::CHANNEL;
use crate::link::{PATIENCE, Way};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use welkin_records::RunId;

/// Pause before a connection is tried again that could not be made in all the time it was given.
const PAUSE: Duration = Duration::from_secs(1);

/// More runs than this are any.
const MANY: usize = 10_000;

/// What was heard and not asked for yet.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    news: Mutex<News>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct News {
    any: bool,
    runs: BTreeSet<RunId>,
    /// Whether there is anything, which may be about no run.
    some: bool,
}

impl Heard {
    /// Waits until there is something; none when it may be about any run.
    pub(crate) async fn next(&self) -> Option<BTreeSet<RunId>> {
        loop {
            let woken = self.woken.notified();
            {
                let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
                if news.some {
                    let News { any, runs, .. } = std::mem::take(&mut *news);
                    return (!any).then_some(runs);
                }
            }
            woken.await;
        }
    }

    fn add(&self, runs: Option<impl Iterator<Item = RunId>>) {
        {
            let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
            news.some = true;
            match runs {
                Some(runs) => news.runs.extend(runs),
                None => news.any = true,
            }
            if news.any || news.runs.len() > MANY {
                news.any = true;
                news.runs.clear();
            }
        }
        self.woken.notify_one();
    }
}

/// Listens for ever. `own` says whether an announcement is this broker's.
pub(crate) async fn listen(way: Arc<Way>, heard: Arc<Heard>, own: impl Fn(&str) -> bool) {
    let everything = || None::<std::iter::Empty<RunId>>;
    loop {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let link = way.link_with(Instant::now() + PATIENCE, Some(sender)).await;
        let listening = match &link {
            Ok(link) => link.client.batch_execute(&format!("LISTEN {CHANNEL}")).await.is_ok(),
            Err(_) => false,
        };
        if !listening {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        heard.add(everything());
        // It ends with the connection.
        while let Some(notification) = receiver.recv().await {
            let mut words = notification.payload().split(' ');
            if words.next().is_none_or(&own) {
                continue;
            }
            let runs: Vec<&str> = words.collect();
            match runs.as_slice() {
                ["*"] => heard.add(everything()),
                runs => heard.add(Some(runs.iter().map(|run| RunId((*run).to_owned())))),
            }
        }
    }
}
