//! People who come in by an identity provider: with a code, with a browser, and not at all.

use crate::bed::{Bed, both, stderr};
use crate::team::{Team, runtime};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};
use std::sync::Arc;
use welkin_api::sign_in::{Ask, Back, Lines, Told};
use welkin_api::{Far, Way};
use welkin_gateway::Identity;
use welkin_testkit::oidc::{self, Reply, Signer};
use welkin_testkit::stand_ins;

/// A broker whose people come from a provider that says what the test wants.
struct Served {
    team: Team,
    provider: oidc::Provider,
    signer: Arc<Signer>,
}

impl Served {
    fn new(more: &[&str]) -> Self {
        let signer = Arc::new(Signer::p256("one"));
        let provider = oidc::Provider::start(&[&signer]);
        let issuer = provider.issuer();
        let mut args = vec!["--oidc-issuer", issuer.as_str(), "--oidc-client-id", "welkin"];
        args.extend(more);
        Self { team: Team::serving(&args), provider, signer }
    }

    /// From now on, whoever comes is this one.
    fn is(&self, subject: &'static str, groups: &'static [&'static str]) {
        let (provider, signer) = (self.provider.clone(), Arc::clone(&self.signer));
        self.provider
            .answer(move |asked| Reply::Token(signer.token(&provider.claims(asked, subject, groups))));
    }

    fn login(&self, bed: &Bed, more: &[&str]) -> Output {
        bed.run(
            ["login", &self.team.address, "--server", &self.team.server]
                .into_iter()
                .chain(more.iter().copied()),
        )
    }

    fn audit(&self) -> Vec<Value> {
        let audit = fs::read_to_string(self.team.bed.home().join("audit.jsonl")).unwrap();
        audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn fails(output: &Output, words: &str) {
    assert_eq!(output.status.code(), Some(5), "{}", both(output));
    assert!(stderr(output).contains(words), "{words}: {}", both(output));
}

const JOB: &str = "name: one\nresources: {cpus: 1+}\nrun: echo done\n";

#[test]
fn a_person_types_a_code_in_elsewhere_and_works() {
    let served = Served::new(&["--oidc-role", "ml=member"]);
    let ana = Bed::apart();
    served.is("ana", &["ml", "all"]);
    let done = served.login(&ana, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", both(&done));
    let told = stderr(&done);
    assert!(told.contains("WDJB-MJHT") && told.contains("/activate"), "{told}");
    assert!(both(&done).contains("you are ana@example.com: member of the broker"), "{}", both(&done));
    ana.file("job.yaml", JOB);
    ana.ok(["up", "--yes", "job.yaml"]);
    assert_eq!(ana.json(&["runs"])["runs"][0]["state"], "succeeded");
    // Whoever is in needs no code again.
    let again = served.login(&ana, &[]);
    assert!(again.status.success() && !stderr(&again).contains("WDJB"), "{}", both(&again));
    let listed = served.team.bed.json(&["serve", "member", "list"]);
    let line = &listed["members"][0];
    assert_eq!(
        (&line["name"], &line["role"], &line["state"]),
        (&json!("ana@example.com"), &json!("member"), &json!("live"))
    );
    let audit = served.audit();
    let logins: Vec<&Value> = audit.iter().filter(|line| line["method"] == "LOGIN").collect();
    let statuses: Vec<&Value> = logins.iter().map(|line| &line["status"]).collect();
    assert_eq!(statuses, [&json!(100), &json!(200)]);
    assert!(logins.iter().all(|line| line["member"] == "ana@example.com"));
    // Nothing that the provider gave is kept on either side.
    for bed in [&served.team.bed, &ana] {
        for file in fs::read_dir(bed.home()).unwrap().flatten().filter(|file| file.path().is_file()) {
            let text = String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned();
            assert!(!text.contains("eyJ"), "{}", file.path().display());
        }
    }
}

#[test]
fn groups_decide_at_each_login_and_an_admin_for_good() {
    let served = Served::new(&["--oidc-role", "ml=member", "--oidc-role", "all=viewer"]);
    let (ana, laptop) = (Bed::apart(), Bed::apart());
    ana.file("job.yaml", JOB);
    served.is("ana", &["strangers"]);
    fails(&served.login(&ana, &[]), "in no group that has a role");
    served.is("ana", &["ml", "all"]);
    for bed in [&ana, &laptop] {
        assert!(served.login(bed, &[]).status.success());
    }
    ana.ok(["up", "--yes", "-d", "job.yaml"]);
    // Out of the group: less, on every machine, from the next login on any of them.
    served.is("ana", &["all"]);
    assert!(served.login(&laptop, &["--renew"]).status.success());
    laptop.ok(["runs"]);
    fails(&ana.run(["up", "--yes", "-d", "job.yaml"]), "a viewer may not do this");
    // Out of all: nothing, at once.
    served.is("ana", &[]);
    fails(&served.login(&laptop, &["--renew"]), "in no group that has a role");
    for bed in [&ana, &laptop] {
        fails(&bed.run(["runs"]), "has expired or was ended");
    }
    // An admin's word is stronger than the provider's.
    served.is("ana", &["ml"]);
    assert!(served.login(&ana, &[]).status.success());
    served.team.bed.ok(["serve", "member", "remove", "ana@example.com"]);
    fails(&ana.run(["runs"]), "has expired or was ended");
    for bed in [&ana, &laptop, &Bed::apart()] {
        fails(&served.login(bed, &[]), "was removed from this broker");
    }
    let refused = served.audit();
    assert!(refused.iter().any(|line| line["method"] == "LOGIN" && line["status"] == 403));
    served.team.bed.ok(["serve", "member", "forget", "ana@example.com"]);
    assert!(served.login(&ana, &[]).status.success());
}

#[test]
fn a_name_is_of_one_person_and_never_that_of_a_member_by_key() {
    let served = Served::new(&["--oidc-role", "ml=member", "--oidc-name-claim", "nick"]);
    let called = |subject: &'static str, name: &'static str| {
        let (provider, signer) = (served.provider.clone(), Arc::clone(&served.signer));
        served.provider.answer(move |asked| {
            let mut claims = provider.claims(asked, subject, &["ml"]);
            claims["nick"] = json!(name);
            Reply::Token(signer.token(&claims))
        });
    };
    let key = Identity::generate().unwrap().fingerprint().to_string();
    served.team.bed.ok(["serve", "member", "add", &key, "--name", "root", "--role", "admin"]);
    let (ana, eve) = (Bed::apart(), Bed::apart());
    called("1", "ana");
    assert!(served.login(&ana, &[]).status.success());
    called("2", "ana");
    fails(&served.login(&eve, &[]), "the name ana belongs to somebody else");
    called("2", "root");
    fails(&served.login(&eve, &[]), "the name root belongs to somebody else");
    for name in ["a b", "", "x\ny", &"x".repeat(65)] {
        let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
        called("2", name);
        let refused = served.login(&eve, &[]);
        assert_eq!(refused.status.code(), Some(5), "{name:?}: {}", both(&refused));
    }
    ana.ok(["runs"]);
    assert_eq!(fs::read_to_string(served.team.bed.home().join("people")).unwrap().lines().count(), 1);
}

#[test]
fn groups_give_roles_in_projects_alone_too() {
    let served = Served::new(&["--oidc-project", "lab:ml=member", "--oidc-project", "none:ml=admin"]);
    served.team.bed.ok(["project", "new", "lab"]);
    let ana = Bed::apart();
    served.is("ana", &["ml"]);
    let done = served.login(&ana, &[]);
    assert!(both(&done).contains("member of project lab"), "{}", both(&done));
    ana.file("job.yaml", JOB);
    ana.ok(["up", "--yes", "job.yaml", "--project", "lab"]);
    let refused = ana.run(["up", "--yes", "-d", "job.yaml"]);
    assert!(!refused.status.success(), "{}", both(&refused));
    let projects = ana.json(&["project", "list"]);
    assert_eq!(projects["projects"].as_array().unwrap().len(), 1, "{projects}");
}

#[test]
fn a_login_ends_and_a_provider_that_is_away_keeps_nobody_out_before() {
    let served = Served::new(&["--oidc-role", "ml=member", "--oidc-lifetime", "2h"]);
    let (ana, ben) = (Bed::apart(), Bed::apart());
    served.is("ana", &["ml"]);
    assert!(served.login(&ana, &[]).status.success());
    served.provider.go_away();
    ana.ok(["runs"]);
    fails(&served.login(&ben, &[]), "cannot be asked");
    fails(&served.login(&ana, &["--renew"]), "cannot be asked");
    ana.ok(["runs"]);
    // As if the two hours were over.
    let people = served.team.bed.home().join("people");
    let text = fs::read_to_string(&people).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let made = words[2].parse::<u64>().unwrap();
    assert_eq!(words[3].parse::<u64>().unwrap() - made, 2 * 3600 * 1000);
    let over = text.replacen(words[3], &(made + 1).to_string(), 1);
    fs::write(&people, over).unwrap();
    let out = ana.run(["runs"]);
    fails(&out, "has expired or was ended");
    assert!(stderr(&out).contains("`welkin login` logs in again"), "{}", both(&out));
    served.provider.come_back();
    let again = ana.run(["login"]);
    assert!(again.status.success(), "{}", both(&again));
    ana.ok(["runs"]);
}

#[test]
fn a_gateway_whose_provider_is_away_is_told_of_and_ends_no_login() {
    let served = Served::new(&["--oidc-role", "ml=member"]);
    let (provider, signer, mut asks) = (served.provider.clone(), Arc::clone(&served.signer), 0);
    served.provider.answer(move |asked| {
        asks += 1;
        match asks {
            1 | 2 => Reply::Raw(
                b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>".to_vec(),
            ),
            _ => Reply::Token(signer.token(&provider.claims(asked, "ana", &["ml"]))),
        }
    });
    let ana = Bed::apart();
    let done = served.login(&ana, &[]);
    assert!(done.status.success(), "{}", both(&done));
    let words = "(HTTP 502 Bad Gateway): it is asked again until the code expires";
    assert_eq!(stderr(&done).matches(words).count(), 1, "{}", both(&done));
}

#[test]
fn what_a_browser_brought_is_good_for_the_machine_that_sent_it_alone() {
    let served = Served::new(&["--oidc-role", "ml=member"]);
    served.is("ana", &["ml"]);
    let (runtime, server) = (runtime(), served.team.server.parse().unwrap());
    runtime.block_on(async {
        let far = |identity| Far { address: served.team.address.clone(), server, identity, way: Way::Login };
        let begin = async || {
            let identity = Identity::generate().unwrap();
            let mut lines = Lines::call(&far(identity)).await.unwrap();
            lines.say(&Ask { port: Some(9), browser: true, patient: false }).await.unwrap();
            let Some(Told::Browser { address }) = lines.hear().await.unwrap() else { panic!("no address") };
            let word = |name: &str| {
                address.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)).unwrap().to_owned()
            };
            let (state, nonce) = (word("state="), word("nonce="));
            (lines, state, nonce, address)
        };
        let (mut hers, state, nonce, address) = begin().await;
        let (mut his, own, ..) = begin().await;
        assert!(address.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2F"), "{address}");
        let (provider, signer) = (served.provider.clone(), Arc::clone(&served.signer));
        served.provider.answer(move |asked| {
            let asked = oidc::Asked { nonce: nonce.clone(), ..asked.clone() };
            Reply::Token(signer.token(&provider.claims(&asked, "ana", &["ml"])))
        });
        // Whoever has stolen her code and her state, and whoever uses the code under a state of their own.
        his.say(&Back::Code { state: state.clone(), code: "hers".to_owned() }).await.unwrap();
        let told = his.hear().await.unwrap();
        assert!(
            matches!(&told, Some(Told::Refused { problem }) if problem.title.contains("another login")),
            "{told:?}"
        );
        drop((his, own));
        let (mut his, own, ..) = begin().await;
        his.say(&Back::Code { state: own, code: "hers".to_owned() }).await.unwrap();
        let told = his.hear().await.unwrap();
        assert!(
            matches!(&told, Some(Told::Refused { problem }) if problem.title.contains("nonce")),
            "{told:?}"
        );
        hers.say(&Back::Code { state, code: "hers".to_owned() }).await.unwrap();
        assert!(matches!(hers.hear().await.unwrap(), Some(Told::In { .. })));
    });
}

#[test]
fn logins_under_way_are_bounded_and_whoever_hangs_up_makes_room() {
    let served = Served::new(&["--oidc-role", "ml=member"]);
    let ana = Bed::apart();
    served.is("ana", &["ml"]);
    assert!(served.login(&ana, &[]).status.success());
    let server = served.team.server.parse().unwrap();
    runtime().block_on(async {
        let begin = async || {
            let (address, identity) = (served.team.address.clone(), Identity::generate().unwrap());
            let mut lines = Lines::call(&Far { address, server, identity, way: Way::Login }).await.unwrap();
            lines.say(&Ask { port: Some(9), browser: true, patient: false }).await.unwrap();
            let told: Option<Told> = lines.hear().await.unwrap();
            (lines, told.unwrap())
        };
        let mut held = Vec::new();
        let refused = loop {
            match begin().await {
                (lines, Told::Browser { .. }) => held.push(lines),
                (_, told) => break told,
            }
        };
        assert_eq!(held.len(), 16);
        assert!(
            matches!(&refused, Told::Refused { problem } if problem.title.contains("too many")),
            "{refused:?}"
        );
        // Whoever is in works on.
        ana.ok(["runs"]);
        drop(held);
        while !matches!(begin().await, (_, Told::Browser { .. })) {}
    });
}

#[test]
fn a_broker_that_dies_while_somebody_logs_in_lets_nobody_in() {
    let mut served = Served::new(&["--oidc-role", "ml=member"]);
    served.provider.answer(|_| Reply::Error("authorization_pending"));
    let ana = Bed::apart();
    let args = ["login", &served.team.address, "--server", &served.team.server];
    let mut login = ana.command(args).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(login.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("WDJB-MJHT")));
    served.team.kill();
    let rest: Vec<String> = told.collect();
    assert_eq!(login.wait().unwrap().code(), Some(11), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("the login was broken off")), "{rest:?}");
    assert!(!ana.home().join("login.json").exists());
    served.team.start();
    assert!(!served.team.bed.home().join("people").exists());
    served.is("ana", &["ml"]);
    assert!(served.login(&ana, &[]).status.success());
    // And it knows who is in when it is killed once more.
    served.team.kill();
    served.team.start();
    ana.ok(["runs"]);
}

#[test]
fn where_nobody_logs_in_by_a_provider_a_stranger_is_told_as_before() {
    let team = Team::new();
    let ana = Bed::apart();
    for more in [&[][..], &["--renew"], &["--browser"]] {
        let args = ["login", &team.address, "--server", &team.server];
        let refused = ana.run(args.into_iter().chain(more.iter().copied()));
        let words = if more.is_empty() { "does not let this machine in" } else { "nobody logs in to" };
        fails(&refused, words);
    }
    // Options that cannot be right are told before anybody is let in.
    for (args, words) in [
        (
            &["--oidc-issuer", "http://id.example", "--oidc-client-id", "x", "--oidc-role", "a=member"][..],
            "not https",
        ),
        (&["--oidc-issuer", "https://id.example", "--oidc-client-id", "x"], "a group that has a role"),
        (&["--oidc-issuer", "https://id.example", "--oidc-role", "a=member"], "a client id"),
        (&["--oidc-role", "a=member"], "its issuer"),
        (
            &["--oidc-issuer", "https://id.example", "--oidc-client-id", "x", "--oidc-role", "a=owner"],
            "no role `owner`",
        ),
        (
            &[
                "--oidc-issuer",
                "https://id.example",
                "--oidc-client-id",
                "x",
                "--oidc-project",
                "default:a=member",
            ],
            "default",
        ),
        (
            &[
                "--oidc-issuer",
                "https://id.example",
                "--oidc-client-id",
                "x",
                "--oidc-role",
                "a=member",
                "--oidc-lifetime",
                "31d",
            ],
            "at most 30d",
        ),
    ] {
        let refused =
            Bed::apart().run(["serve", "--listen", "127.0.0.1:0"].into_iter().chain(args.iter().copied()));
        assert_eq!(refused.status.code(), Some(3), "{}", both(&refused));
        assert!(stderr(&refused).contains(words), "{words}: {}", both(&refused));
    }
}

#[test]
fn a_person_of_a_foreign_provider_comes_back_with_a_browser() {
    let person = r#"{"sub": "ana", "email": "ana@example.com", "email_verified": true, "groups": ["ml"]}"#;
    let mock = match stand_ins::oidc_mock(&[person]) {
        Ok(mock) => mock,
        Err(missing) => return eprintln!("skipped: a_person_of_a_foreign_provider: {missing}"),
    };
    // It takes any secret, and wants one.
    let ana = Bed::apart();
    let secret = ana.file("secret", "s3cret/+ :=\n");
    let (url, secret) = (mock.url(), secret.display().to_string());
    let client = ["--oidc-client-id", "welkin", "--oidc-client-secret-file", secret.as_str()];
    let team =
        Team::serving(&[&["--oidc-issuer", url.as_str(), "--oidc-role", "ml=member"][..], &client].concat());
    let mut login = ana
        .command(["login", &team.address, "--server", &team.server])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(login.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address =
        told.find_map(|line| line.trim().starts_with("http").then(|| line.trim().to_owned())).unwrap();
    let browser: ureq::Agent =
        ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
    let answered = browser.post(&address).send_form([("sub", "ana")]).unwrap();
    let back = answered.headers().get("location").unwrap().to_str().unwrap().to_owned();
    assert!(back.starts_with("http://127.0.0.1:"), "{back}");
    // Something else that a browser asks for changes nothing.
    let (root, _) = back.split_once('?').unwrap();
    assert_eq!(browser.get(format!("{root}favicon.ico")).call().unwrap().status(), 404);
    assert_eq!(browser.get(&back).call().unwrap().status(), 200);
    let rest: Vec<String> = told.collect();
    let done = login.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{rest:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("ana@example.com: member"), "{done:?}");
    ana.ok(["runs"]);
}
