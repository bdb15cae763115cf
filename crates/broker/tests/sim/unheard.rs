//! Submissions whose answer is lost: the records have them, and whoever submitted hears of an error.

use crate::world::{World, plan, task};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use welkin_broker::{Broker, BrokerOptions, Manner, RunState, Submission};
use welkin_job::Workdir;
use welkin_ledger::Entry;
use welkin_provider::{ProviderId, UnixMillis};
use welkin_records::{
    Lines, LogRow, Memory, Moved, Numbered, Project, Records, RunId, RunLine, RunRow, Since, StepKey,
    StoreError, Told, Use, Which, Write, Written,
};
use welkin_units::Bytes;

type Result<T> = std::result::Result<T, StoreError>;

/// Records of which the answer to the next write is lost.
#[derive(Debug, Default)]
struct Deaf {
    kept: Memory,
    after: AtomicBool,
}

#[async_trait::async_trait]
impl Records for Deaf {
    async fn commit(&self, writes: Vec<Write>) -> Vec<Result<Written>> {
        let lost = || StoreError::Away { place: "there".to_owned(), source: "cut".into() };
        let count = writes.len();
        let written = self.kept.commit(writes).await;
        if self.after.swap(false, Ordering::Relaxed) {
            return (0..count).map(|_| Err(lost())).collect();
        }
        written
    }

    async fn identity(&self, key: &str) -> Result<Option<String>> {
        self.kept.identity(key).await
    }

    async fn is_free(&self, run: &RunId) -> Result<bool> {
        self.kept.is_free(run).await
    }

    async fn runs(&self, which: Which) -> Result<Vec<RunLine>> {
        self.kept.runs(which).await
    }

    async fn run_of_token(&self, token: &str) -> Result<Option<RunRow>> {
        self.kept.run_of_token(token).await
    }

    async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>> {
        self.kept.story(run).await
    }

    async fn row(&self, run: &RunId) -> Result<Option<RunRow>> {
        self.kept.row(run).await
    }

    async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
        self.kept.history(run, after, limit).await
    }

    async fn since(&self, after: u64, limit: u32) -> Result<Since> {
        self.kept.since(after, limit).await
    }

    async fn told(&self, run: &RunId, step: StepKey) -> Result<Told> {
        self.kept.told(run, step).await
    }

    async fn lines(&self, run: &RunId, step: StepKey) -> Result<Lines> {
        self.kept.lines(run, step).await
    }

    async fn logs(&self, run: &RunId, task: Option<usize>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        self.kept.logs(run, task, after, limit).await
    }

    async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64> {
        self.kept.tail(run, task, lines).await
    }

    async fn log_bytes(&self, run: &RunId) -> Result<Bytes> {
        self.kept.log_bytes(run).await
    }

    async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
        self.kept.entries(run, skip, limit).await
    }

    async fn cancels(&self) -> Result<BTreeSet<RunId>> {
        self.kept.cancels().await
    }

    async fn moved(&self, month: i32) -> Result<Vec<Moved>> {
        self.kept.moved(month).await
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        self.kept.projects().await
    }

    async fn project_use(&self, name: &str) -> Result<Use> {
        self.kept.project_use(name).await
    }

    async fn providers_used(&self) -> Result<BTreeSet<ProviderId>> {
        self.kept.providers_used().await
    }

    async fn newest_of_open(&self) -> Result<Option<UnixMillis>> {
        self.kept.newest_of_open().await
    }

    async fn damage(&self) -> Option<String> {
        self.kept.damage().await
    }

    async fn size(&self) -> u64 {
        self.kept.size().await
    }

    async fn shrink(&self) -> Result<()> {
        self.kept.shrink().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_submission_was_made_and_not_heard_of_keeps_what_it_brings_along() {
    let (world, deaf) = (World::kind(), Arc::new(Deaf::default()));
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
    deaf.after.store(true, Ordering::Relaxed);
    let run = broker.submit(submission()).await.unwrap();
    std::fs::remove_dir_all(&code).unwrap();
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
}
