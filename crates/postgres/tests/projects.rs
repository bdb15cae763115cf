//! Projects among brokers that share a database.

mod bed;

use bed::{database, open, server};
use std::sync::Arc;
use welkin_provider::UnixMillis;
use welkin_records::conformance::{planned, submitted};
use welkin_records::{Change, Claim, Limits, Project, Records, RunId, RunRow, StoreError, Write};
use welkin_units::Usd;

const AT: UnixMillis = UnixMillis(1_790_000_000_000);

fn submission(name: &str) -> Write {
    let id = RunId(name.to_owned());
    let submitted = submitted(RunRow { project: Some("lab".to_owned()), ..planned(name) });
    let claim = Some(Claim::Run { expected: Usd::from_cents(1) });
    Write(vec![submitted, Change::Claimed { run: id, at: AT, lease: None, claim, judged: true }])
}

#[tokio::test]
async fn brokers_that_ask_at_once_get_no_more_than_there_is() {
    let Some(server) = server() else { return };
    let url = database(server);
    let stores = [Arc::new(open(&url)), Arc::new(open(&url))];
    let limits = Limits { total: Some(Usd::from_cents(5)), ..Limits::default() };
    let project = Project { name: "lab".to_owned(), version: 1, limits, ..Project::default() };
    let made = Write(vec![Change::Project { was: 0, project: Box::new(project) }]);
    stores[0].commit(vec![made]).await.pop().expect("it has an answer").expect("it is made");
    let asked = (0..24_usize).map(|number| {
        let store = Arc::clone(&stores[number % 2]);
        tokio::spawn(async move {
            let answer = store.commit(vec![submission(&format!("run-{number}"))]).await.pop();
            answer.expect("it has an answer")
        })
    });
    let mut taken = 0;
    for answer in asked.collect::<Vec<_>>() {
        match answer.await.expect("it does not panic") {
            Ok(_) => taken += 1,
            Err(StoreError::Over(over)) => assert!(over.limit.is_budget(), "{over}"),
            Err(error) => panic!("{}", error.chain()),
        }
    }
    assert_eq!(taken, 5);
    for store in &stores {
        let used = store.project_use("lab").await.expect("it can be read");
        assert_eq!((used.claims.len(), used.standing(AT).total.sum()), (5, Usd::from_cents(5)));
    }
}
