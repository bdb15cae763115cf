//! Logins at whose other end something else is: each is given up, with a word, and takes nothing along.

use crate::bed::Bed;
use welkin_clouds::HostState;

/// What is said of the first host when a login to it runs `script`.
async fn said(script: &str) -> String {
    let bed = Bed::speaking(script);
    let look = bed.provider();
    let seen = tokio::time::timeout(crate::bed::PATIENCE, look.look()).await.expect("nobody gave up");
    match &seen[0].state {
        HostState::Unreached { message, .. } => message.clone(),
        HostState::Reached(info) => panic!("{script} passed for a host: {info:?}"),
    }
}

#[tokio::test]
async fn what_is_not_welkin_is_told_from_it() {
    for (script, word) in [
        ("cat /dev/zero", "something else than Welkin"),
        ("yes hello", "something else than Welkin"),
        ("exit 3", "hung up without a word"),
        ("echo 'connection closed by peer' >&2; exit 255", "connection closed by peer"),
        ("yes 'welkin-needs Linux x86_64' & exec cat > taken", "asked for again"),
        ("echo 'welkin-needs Plan9 mips'; cat", "Plan9 mips"),
        ("echo 'welkin-host 1'; printf '\\377\\377\\377\\377'; cat /dev/zero", "longer than"),
        ("echo 'welkin-host 1'; printf '\\0\\0\\0\\4abcd'; cat", "makes no sense"),
        ("echo 'welkin-host 1'; exit 0", "the connection to h1 broke"),
    ] {
        let said = said(script).await;
        assert!(said.contains(word), "{script}: {said}");
    }
}

#[tokio::test]
async fn what_a_login_leaves_running_holds_nobody_up() {
    let said =
        said("sleep 1000 > /dev/null & echo $! > left; echo 'Permission denied (publickey).' >&2; exit 255")
            .await;
    assert!(said.contains("Permission denied"), "{said}");
}

/// What a host says of itself takes no longer to understand than to say, and goes nowhere when it cannot be.
#[tokio::test]
async fn a_host_that_has_too_much_is_none() {
    let gpu =
        |number: usize| format!(r#"{{"index":{number},"vendor":"nvidia","name":"T{number}","memory":1}}"#);
    let info = |hostname: &str, gpus: usize| {
        let gpus: Vec<String> = (0..gpus).map(gpu).collect();
        format!(
            r#"{{"hello":{{"protocol":1,"hostname":"{hostname}","user":"u","arch":"x86_64","vcpus_milli":1000,
                "memory":1073741824,"gpus":[{}],"address":"10.0.0.1","limits":""}}}}"#,
            gpus.join(",")
        )
    };
    let long = "h".repeat(5_000);
    for (hello, fits) in
        [(info("h", 0), true), (info("h", 256), true), (info("h", 257), false), (info(&long, 0), false)]
    {
        // Who it is, and whether it is there: the first two questions have the numbers 0 and 1, and 45 bytes.
        let bed = Bed::speaking("echo 'welkin-host 1'; head -c 45 > /dev/null; cat answers; cat > /dev/null");
        let head = u32::try_from(hello.len()).unwrap();
        let frame = |number: u64| {
            let numbers =
                [&(head + 12).to_be_bytes()[..], &number.to_be_bytes(), &head.to_be_bytes()].concat();
            [numbers.as_slice(), hello.as_bytes()].concat()
        };
        std::fs::write(bed.folder.path().join("answers"), [frame(0), frame(1)].concat()).unwrap();
        let look = bed.provider();
        let seen = tokio::time::timeout(crate::bed::PATIENCE, look.look()).await.expect("nobody gave up");
        match &seen[0].state {
            HostState::Reached(_) => assert!(fits, "{}", hello.len()),
            HostState::Unreached { message, .. } => {
                assert!(!fits && message.contains("what cannot be"), "{message}");
            }
        }
    }
}
