//! What a broker does with the runs of another one, by the words of a store that answers as a test wants.

use crate::world::{World, chain};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use welkin_broker::{Broker, BrokerOptions, RunId};
use welkin_records::{Fence, Peers, Standing, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Other brokers: this one has runs under fences, which they want. What is given is noted.
#[derive(Debug, Default)]
struct Others {
    wanted: Mutex<Vec<(RunId, Fence)>>,
    given: Mutex<Vec<(RunId, Fence)>>,
}

#[async_trait::async_trait]
impl Peers for Others {
    async fn take(&self, _: &RunId) -> Result<Option<Fence>> {
        Ok(Some(Fence(3)))
    }

    async fn want(&self, _: &RunId) -> Result<()> {
        Ok(())
    }

    async fn give(&self, run: &RunId, fence: Fence) -> Result<()> {
        self.given.lock().unwrap().push((run.clone(), fence));
        Ok(())
    }

    async fn stand(&self) -> Result<Standing> {
        let wanted = self.wanted.lock().unwrap().clone();
        Ok(Standing { free: Vec::new(), wanted, buried: false })
    }

    async fn driven(&self) -> Result<BTreeSet<RunId>> {
        Ok(BTreeSet::new())
    }

    async fn written(&self) -> Option<BTreeSet<RunId>> {
        std::future::pending().await
    }

    async fn leave(&self) -> Result<()> {
        Ok(())
    }
}

/// Its driver was dropped before the answer of the taking came, so that nobody here knows of it.
#[tokio::test(start_paused = true)]
async fn a_run_that_others_want_is_given_though_nobody_here_drives_it() {
    let (world, others) = (World::kind(), Arc::new(Others::default()));
    let options = BrokerOptions { peers: Some(others.clone()), ..world.options() };
    let broker = Broker::open(&world.dir.path().join("state"), options).unwrap();
    let run = world.submit(&broker, &chain()).await;
    let wanted = vec![(run, Fence(3))];
    others.wanted.lock().unwrap().clone_from(&wanted);
    broker.stand().await.unwrap();
    assert_eq!(*others.given.lock().unwrap(), wanted);
}
