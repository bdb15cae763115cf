use super::*;
use axum::body::to_bytes;
use futures::FutureExt;
use welkin_provider::UnixMillis;
use welkin_records::conformance::{planned, submitted};
use welkin_records::{Change, Memory, Numbered, Record, RunLine, RunRow, Write};

/// Records in memory.
struct Kept(Arc<Memory>);

impl Source for Kept {
    fn records(&self) -> &dyn Records {
        &*self.0
    }
}

fn id(number: u32) -> RunId {
    RunId(format!("run-{number:04}"))
}

async fn write(records: &Memory, changes: Vec<Change>) {
    assert!(records.commit(vec![Write(changes)]).await.iter().all(Result::is_ok));
}

fn submission(number: u32) -> Change {
    let project = (number % 2 == 1).then(|| "odd".to_owned());
    submitted(RunRow { submitted: UnixMillis(number.into()), project, ..planned(&id(number).0) })
}

async fn runs(count: u32) -> Arc<Memory> {
    let records = Arc::new(Memory::new());
    write(&records, (0..count).map(submission).collect()).await;
    records
}

/// Three pages and a bit.
const MANY: u32 = 3 * PAGE + 7;

async fn told(count: u32) -> Arc<Memory> {
    let records = runs(1).await;
    let told = (0..count).map(|at| {
        let (run, at) = (id(0), UnixMillis(at.into()));
        Change::Recorded { run, at, record: Record::RunStarted }
    });
    write(&records, told.collect()).await;
    records
}

fn all_runs() -> Rows {
    Rows::Runs(Scope::all(), Vec::new())
}

async fn sent(records: &Arc<Memory>, rows: Rows) -> Response {
    answer(Arc::new(Kept(Arc::clone(records))), rows, "[".to_owned(), "]", None).await.ok().unwrap()
}

async fn text(response: Response) -> Result<String, axum::Error> {
    to_bytes(response.into_body(), usize::MAX).await.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn rows_of_any_number_of_pages_are_one_list() {
    for count in [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, MANY] {
        let listed = text(sent(&runs(count).await, all_runs()).await).await.unwrap();
        let listed: Vec<RunLine> = serde_json::from_str(&listed).unwrap();
        assert_eq!(
            listed.into_iter().map(|line| line.id).collect::<Vec<_>>(),
            (0..count).map(id).collect::<Vec<_>>()
        );
        let history = text(sent(&told(count).await, Rows::History(id(0), 0, false)).await).await.unwrap();
        let history: Vec<Numbered> = serde_json::from_str(&history).unwrap();
        assert!(history.iter().map(|(_, at, _)| at.0).eq(0..u64::from(count)), "{count}");
    }
}

/// A page is not read before the one before it was taken: what is in memory is not what there is.
#[tokio::test]
async fn a_page_waits_until_the_one_before_was_taken() {
    let records = runs(MANY).await;
    let mut body = sent(&records, all_runs()).await.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    assert_eq!(first.iter().filter(|byte| **byte == b'{').count(), PAGE as usize);
    write(&records, vec![submission(MANY)]).await;
    let rest: Vec<u8> = body.map(|page| page.unwrap().to_vec()).collect::<Vec<_>>().await.concat();
    let listed: Vec<RunLine> = serde_json::from_slice(&[&first, &*rest].concat()).unwrap();
    assert_eq!(listed.len(), MANY as usize + 1, "what came after the first page was read is in a later one");
}

/// Nobody takes a part for the whole.
#[tokio::test]
async fn what_is_forgotten_between_two_pages_breaks_an_answer_off_or_is_passed_over() {
    let forget = |run: u32| Change::Forgotten { run: id(run) };
    // The run of a history goes: there is no end of it.
    let records = told(MANY).await;
    let history = sent(&records, Rows::History(id(0), 0, false)).await;
    write(&records, vec![forget(0)]).await;
    assert!(text(history).await.is_err());
    // One that goes before the first page of its story was read has none either.
    let story = Rows::History(id(0), 0, true);
    let none = answer(Arc::new(Kept(records)), story, "[1,[".to_owned(), "]]", None).await;
    assert!(none.is_err());
    // The last runs of a page go: the list goes on behind those that are left of it.
    let records = runs(MANY).await;
    let list = sent(&records, all_runs()).await;
    write(&records, vec![forget(PAGE - 1), forget(PAGE - 2)]).await;
    let listed: Vec<RunLine> = serde_json::from_str(&text(list).await.unwrap()).unwrap();
    assert!(listed.into_iter().map(|line| line.id).eq((0..MANY).map(id)));
    // All of them: nobody knows where it goes on.
    let records = runs(MANY).await;
    let list = sent(&records, all_runs()).await;
    write(&records, (0..PAGE).map(forget).collect()).await;
    assert!(text(list).await.is_err());
}

#[tokio::test]
async fn a_turn_is_given_back_once_what_it_was_for_is_taken() {
    let turns = Arc::new(tokio::sync::Semaphore::new(1));
    let held = || Arc::clone(&turns).try_acquire_owned().ok();
    let whole = whole("{}".to_owned(), held());
    assert!(held().is_none());
    assert_eq!(text(whole).await.unwrap(), "{}");
    let (records, permit) = (runs(MANY).await, held());
    let source = Arc::new(Kept(records));
    let list = answer(source, all_runs(), "[".to_owned(), "]", permit).await.ok().unwrap();
    let mut body = list.into_body().into_data_stream();
    body.next().await.unwrap().unwrap();
    assert!(held().is_none());
    body.next().now_or_never().unwrap().unwrap().unwrap();
    assert!(held().is_some());
}
