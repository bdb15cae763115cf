//! What must hold for any bytes at all, for what a host says and for what is read about hosts. For the targets in `fuzz/`,
//! and for the test below, which mutates sound examples with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

use crate::host::{from_amd, from_nvidia};
use crate::remote::{Answer, Ask, Frame, encode, read};
use crate::ssh::{HostsFile, accelerator_name, stock};
use serde::Serialize;
use serde::de::DeserializeOwned;
use welkin_provider::ProviderId;
use welkin_units::Usd;

/// Frames as they are, and as one frame whose head is all of it: what is read can be written and read again, and what a
/// host has is offered under names of plain letters.
///
/// # Panics
/// Where that does not hold.
pub fn wire(bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let framed =
        [&length.saturating_add(12).to_be_bytes()[..], &[0; 8], &length.to_be_bytes(), bytes].concat();
    for sent in [bytes, &framed] {
        alone(async {
            read_all::<Ask>(sent, |_| ()).await;
            read_all::<Answer>(sent, offered).await;
        });
    }
}

async fn read_all<T: DeserializeOwned + Serialize>(mut rest: &[u8], check: impl Fn(&T)) {
    while let Ok(Some(Frame { number, head, body })) = read::<T>(&mut rest).await {
        let written = encode(number, &head, &body).expect("what fits one frame fits another");
        let again = read::<T>(&mut &*written).await.ok().flatten().expect("what was written can be read");
        let shown = |head: &T| serde_json::to_string(head).expect("it is plain data");
        assert_eq!((again.number, shown(&again.head), again.body), (number, shown(&head), body));
        check(&head);
    }
}

fn offered(answer: &Answer) {
    let Answer::Hello(info) = answer else { return };
    if !info.is_sensible() {
        return;
    }
    for stock in stock(&ProviderId::from_static("ssh"), "lab", Usd::from_cents(35), info) {
        let name = stock.machine.instance_type;
        assert!(name.len() < 200 && name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
        assert!(stock.machine.vcpus_milli <= info.vcpus_milli && stock.machine.memory <= info.memory);
    }
}

/// A file of hosts is refused, or names hosts that can be arguments and folders. What a tool says of accelerators gives each
/// a name of plain letters.
///
/// # Panics
/// Where that does not hold.
pub fn hosts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(file) = HostsFile::parse(&text) {
        for (name, pool) in file.pools {
            assert!(!pool.hosts.is_empty() && pool.hourly >= Usd::ZERO);
            for name in pool.hosts.iter().map(|host| &host.target).chain([&name]) {
                let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
                assert!(is_plain && !name.starts_with(['-', '.']), "{name:?}");
            }
        }
    }
    for gpu in from_nvidia(&text).iter().chain(&from_amd(&text)) {
        let name = accelerator_name(gpu);
        assert!(name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
    }
}

fn alone(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime can be built").block_on(work);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use welkin_mutate::{mutations, seed};

    const HELLO: &str = r#"{"hello":{"protocol":1,"hostname":"h","user":"u","arch":"aarch64","vcpus_milli":6500,
        "memory":25769803776,"gpus":[{"index":0,"vendor":"nvidia","name":"NVIDIA A100-SXM4-80GB","memory":85899345920},
        {"index":1,"vendor":"amd","name":"AMD Instinct MI300X","memory":1}],"address":"10.0.0.1","limits":"none"}}"#;
    const START: &str = r#"{"events":{"lease":"l","rank":0,"step":"s","from":1,"wait":5000}}"#;
    const FILE: &str = "lab:\n  user: ubuntu\n  price: 0.35\n  hosts:\n    - 10.0.0.11\n    - gpu-box\n    - ip: '::1'\n      port: 22\n";
    const NVIDIA: &str = "0, NVIDIA A100-SXM4-80GB, 81920\n1, Tesla T4, 15360\n";
    const AMD: &str =
        r#"{"card1": {"Card Series": "AMD Instinct MI300X", "VRAM Total Memory (B)": "206141652992"}}"#;

    type Check = (fn(&[u8]), &'static str);
    const CHECKS: [Check; 5] = [(wire, HELLO), (wire, START), (hosts, FILE), (hosts, NVIDIA), (hosts, AMD)];

    #[test]
    fn sound_examples_hold() {
        assert!(
            serde_json::from_str::<Answer>(HELLO).is_ok()
                && serde_json::from_str::<Ask>(START).is_ok()
                && HostsFile::parse(FILE).is_ok()
                && from_nvidia(NVIDIA).len() + from_amd(AMD).len() == 3
        );
        for (check, example) in CHECKS {
            seed(example.as_bytes());
            (0..=example.len()).for_each(|end| check(&example.as_bytes()[..end]));
        }
    }

    proptest! {
        #[test]
        fn mutated_examples_hold(mutation in mutations()) {
            for (check, example) in CHECKS {
                check(&mutation.of(example.as_bytes()));
            }
        }
    }
}
