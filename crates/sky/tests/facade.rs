//! What a program over the façade can count on.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use welkin_sky::{JobText, Opening, Root, Sky, SkyError, SkyOptions, TransferState, Variables};

fn sky(home: &Path) -> Sky {
    Sky::open(SkyOptions::new(home)).unwrap()
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A server opens one for each request that comes; a folder of state for each would be litter.
#[test]
fn opening_makes_nothing_and_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let sky = sky(&home);
    assert!(sky.reader().unwrap().is_none());
    assert!(sky.transfers().all().unwrap().is_empty() && sky.price_lists().read_all().is_empty());
    assert!(sky.hosts().is_fresh().unwrap());
    assert!(!home.exists());
}

#[test]
fn a_job_is_refused_with_all_that_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let sky = sky(folder.path());
    let text = b"resources: {acelerators: A100}\nnum_nodes: none\n";
    let Err(SkyError::Job(wrong)) = sky.read_job(&JobText::new("train.yaml", text)) else { panic!() };
    assert!(wrong.items.len() >= 2, "{wrong}");
    let text = b"resources: {infra: aws, cpus: 100000+}\nrun: x\n";
    let job = sky.read_job(&JobText::new("large.yaml", text)).unwrap().job;
    let Err(SkyError::NoPlan { job: planned, .. }) = sky.plan(&job) else { panic!() };
    assert_eq!(*planned, job);
}

/// The environment of a server is not that of those whom it serves.
#[test]
fn credentials_are_those_that_the_options_bring() {
    let folder = tempfile::tempdir().unwrap();
    let variables = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(OsString::from("id")),
        _ => None,
    };
    let with = SkyOptions { variables: Variables::new(variables), ..SkyOptions::new(folder.path()) };
    let Err(error) = block(Sky::open(with).unwrap().store("s3://bucket")) else { panic!() };
    let why = "the environment has";
    assert!(matches!(&error, SkyError::Credentials { message, .. } if message.starts_with(why)), "{error}");
    // Without variables there is nothing to be half of.
    assert!(block(sky(folder.path()).store("s3://bucket")).is_ok());
    assert!(matches!(sky(folder.path()).place("s3://bucket/key").unwrap().root, Root::Bucket { .. }));
}

#[test]
fn a_copy_is_on_record_as_that_of_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(from.join("deep")).unwrap();
    fs::write(from.join("deep/one"), "1").unwrap();
    let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
    let sky = sky(&folder.path().join("home"));
    let copied = || block(sky.copy(&from, &to)).unwrap().counts.copied_objects;
    assert_eq!(copied(), 1);
    fs::write(folder.path().join("from/two"), "2").unwrap();
    assert_eq!(copied(), 2);
    assert_eq!(fs::read(folder.path().join("to/two")).unwrap(), b"2");
    let transfers = sky.transfers();
    assert_eq!(transfers.all().unwrap().len(), 2);
    for record in transfers.all().unwrap() {
        assert_eq!(transfers.state(&record).0, TransferState::Done);
        assert!(transfers.manifest(&record.id).is_file());
        // `welkin transfers resume` gives this again.
        assert_eq!(record.args, ["cp", &format!("file://{from}"), &format!("file://{to}")]);
    }
    let Err(error) = block(sky.copy(&format!("{from}/absent"), &to)) else { panic!() };
    assert!(matches!(error, SkyError::Read { .. }), "{error}");
}

#[test]
fn a_broker_needs_a_program_that_nodes_can_run() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = sky(folder.path()).broker(Opening::default()) else { panic!() };
    assert!(matches!(error, SkyError::NoProgram), "{error}");
}
