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
