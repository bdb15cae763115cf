//! Submissions whose answer is lost: the records have them, and whoever submitted hears of an error. And writes whose
//! askers have gone by the time they are made: they are told of all the same.

use crate::odd::Odd;
use crate::world::{World, chain, plan, task};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use welkin_broker::{Broker, BrokerOptions, Manner, Observer, Progress, RunState, Submission};
use welkin_job::Workdir;
use welkin_records::Records;

#[tokio::test(start_paused = true)]
async fn a_run_whose_submission_was_made_and_not_heard_of_keeps_what_it_brings_along() {
    let (world, deaf) = (World::kind(), Arc::new(Odd::default()));
    let folder = world.dir.path().join("state");
    let options = BrokerOptions { records: Some(deaf.clone()), ..world.options() };
    let broker = Broker::open(&folder, options).unwrap();
    let code = world.dir.path().join("code");
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("main.py"), "pass").unwrap();
    let workdir = Workdir::Local("code".to_owned());
    let plan = plan(vec![task("t", "").at(&["a/x"]).edit(|task| task.workdir = Some(workdir))]);
    let submission = || Submission {
        plan: &plan,
        job: &plan.job,
        base_dir: world.dir.path().to_owned(),
        client_token: None,
        manner: Manner::default(),
        cluster: None,
        project: None,
    };
    deaf.deaf.store(true, Ordering::Relaxed);
    let run = broker.submit(submission()).await.unwrap();
    std::fs::remove_dir_all(&code).unwrap();
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
}

/// Numbers of the records that it was told of.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<u64>>);

impl Observer for Heard {
    fn notice(&self, progress: &Progress) {
        if let Progress::Recorded { seq, .. } = progress {
            self.0.lock().unwrap().push(*seq);
        }
    }
}

/// What ends a run drops what is under way on it, also what waits for the records: traces and followers would miss it.
#[tokio::test(start_paused = true)]
async fn what_is_written_is_told_once_whenever_whoever_asked_for_it_has_gone() {
    for seconds in [1, 5, 30, 61, 90, 130] {
        let (world, odd, heard) = (World::kind(), Arc::new(Odd::default()), Arc::new(Heard::default()));
        let options =
            BrokerOptions { records: Some(odd.clone()), observer: heard.clone(), ..world.options() };
        let broker = Broker::open(&world.dir.path().join("state"), options).unwrap();
        let run = world.submit(&broker, &chain()).await;
        {
            let mut going = std::pin::pin!(broker.run(&run));
            let early = tokio::time::timeout(Duration::from_secs(seconds), &mut going).await;
            assert!(early.is_err(), "it is over after {seconds} s");
            odd.closed.send_replace(true);
            // Until it waits for a write, whenever that is.
            let waits = tokio::time::timeout(Duration::from_secs(3600), going).await;
            assert!(waits.is_err(), "it does not wait");
        }
        odd.closed.send_replace(false);
        assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
        let all: Vec<u64> =
            odd.kept.history(&run, 0, u32::MAX).await.unwrap().into_iter().map(|(seq, ..)| seq).collect();
        assert_eq!(*heard.0.lock().unwrap(), all, "after {seconds} s");
    }
}
