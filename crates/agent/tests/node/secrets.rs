//! Secrets reach the script and nothing else.

use crate::support::{Agent, lines, step};
use std::path::Path;
use welkin_provider::Stream;

#[tokio::test]
async fn secrets_are_masked_in_lines_and_absent_from_the_disk() {
    let agent = Agent::start().await;
    let mut step =
        step("secret", "echo \"got $TOKEN\"; printf '%s\\n' \"$KEY\" >&2; test \"${#TOKEN}\" = 12");
    step.env.insert("TOKEN".into(), "tok-5ecret-1".into());
    step.env.insert("KEY".into(), "-----BEGIN\nAbCdEfGh\n-----END\n".into());
    step.env.insert("PLAIN".into(), "visible".into());
    step.secret_env = vec!["TOKEN".into(), "KEY".into(), "ABSENT".into()];
    let events = agent.run(&step).await;
    assert_eq!(lines(&events, Stream::Stdout), ["got ****"]);
    assert_eq!(lines(&events, Stream::Stderr), ["****", "****", "****", ""]);
    assert_eq!(crate::support::exit(&events), welkin_provider::Exit::Success);
    for secret in ["tok-5ecret-1", "AbCdEfGh"] {
        assert_eq!(files_with(&agent.home, secret), Vec::<String>::new());
    }
    assert_eq!(files_with(&agent.home, "visible").len(), 1);
}

#[tokio::test]
async fn records_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let agent = Agent::start().await;
    agent.run(&step("private", "true")).await;
    let own = agent.home.join(".welkin");
    for (place, mode) in [(own.clone(), 0o700), (own.join("steps/private/step.json"), 0o600)] {
        assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, mode, "{place:?}");
    }
}

fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text) {
            found.push(path.display().to_string());
        }
    }
    found
}
