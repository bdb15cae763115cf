//! Logins at a provider that says what no honest one would say.

use serde_json::{Value, json};
use welkin_oidc::{OidcError, Options, Person, Provider, TokenError};
use welkin_testkit::oidc::{self, Asked, Reply, Signer, now, unsigned};

fn client(issuer: &str) -> Provider {
    let text = str::to_owned;
    let options = Options {
        issuer: text(issuer),
        client_id: text("welkin"),
        secret: None,
        scopes: vec![text("email")],
        name_claim: text("email"),
        groups_claim: text("groups"),
        authorities: None,
    };
    Provider::new(options).expect("the options are good")
}

fn state_of(address: &str) -> &str {
    address.split(['?', '&']).find_map(|pair| pair.strip_prefix("state=")).expect("it has a state")
}

fn nonce_of(address: &str) -> String {
    address.split(['?', '&']).find_map(|pair| pair.strip_prefix("nonce=")).expect("it has a nonce").to_owned()
}

/// A login with a browser whose token is as `token` says, which is given the nonce.
async fn visited(
    client: &Provider,
    at: &oidc::Provider,
    token: impl Fn(&Asked) -> Reply + Send + 'static,
) -> Result<Person, OidcError> {
    let visit = client.begin_visit(1).await?;
    let nonce = nonce_of(&visit.address);
    at.answer(move |asked| token(&Asked { nonce: nonce.clone(), ..asked.clone() }));
    client.finish_visit(&visit, state_of(&visit.address), "any").await
}

fn why(result: Result<Person, OidcError>) -> TokenError {
    match result {
        Err(OidcError::Token(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_person_is_whom_a_good_token_names() {
    for signer in [Signer::rsa("one"), Signer::p256("one")] {
        let at = oidc::Provider::start(&[&signer]);
        let client = client(&at.issuer());
        let honest = at.clone();
        let person = visited(&client, &at, move |asked| {
            assert_eq!(asked.form["client_id"], "welkin");
            assert!(asked.form["code_verifier"].len() >= 43);
            Reply::Token(signer.token(&honest.claims(asked, "ana", &["a", "b"])))
        })
        .await
        .expect("it is good");
        assert_eq!((person.subject.as_str(), person.name.as_str()), ("ana", "ana@example.com"));
        assert_eq!(person.groups.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}

#[tokio::test]
async fn claims_that_do_not_fit_name_nobody() {
    let signer = std::sync::Arc::new(Signer::p256("one"));
    let at = oidc::Provider::start(&[&signer]);
    let client = client(&at.issuer());
    let changes: Vec<(Value, Option<TokenError>)> = vec![
        (json!({}), None),
        (json!({"iss": "https://id.example"}), Some(TokenError::Issuer("https://id.example".to_owned()))),
        (json!({"iss": format!("{}/", at.issuer())}), Some(TokenError::Issuer(format!("{}/", at.issuer())))),
        (json!({"aud": "another"}), Some(TokenError::Audience)),
        (json!({"aud": []}), Some(TokenError::Audience)),
        (json!({"aud": null}), Some(TokenError::Audience)),
        (json!({"aud": ["welkin"]}), None),
        (json!({"aud": ["welkin", "another"]}), Some(TokenError::Audience)),
        (json!({"aud": ["welkin", "another"], "azp": "welkin"}), None),
        (json!({"azp": "another"}), Some(TokenError::Audience)),
        (json!({"exp": now() - 61}), Some(TokenError::Expired)),
        (json!({"exp": now() - 30}), None),
        (json!({"exp": null}), Some(TokenError::Claim("exp".to_owned()))),
        (json!({"exp": "9999999999"}), Some(TokenError::Claim("exp".to_owned()))),
        (json!({"exp": 1e300}), Some(TokenError::Claim("exp".to_owned()))),
        (json!({"iat": now() + 120}), Some(TokenError::Early)),
        (json!({"iat": now() + 30}), None),
        (json!({"nbf": now() + 120}), Some(TokenError::Early)),
        (json!({"iat": now() - 120}), Some(TokenError::Old)),
        (json!({"iat": null}), Some(TokenError::Claim("iat".to_owned()))),
        (json!({"nonce": "another"}), Some(TokenError::Nonce)),
        (json!({"nonce": null}), Some(TokenError::Nonce)),
        (json!({"sub": ""}), Some(TokenError::Claim("sub".to_owned()))),
        (json!({"sub": 7}), Some(TokenError::Claim("sub".to_owned()))),
        (json!({"email": null}), Some(TokenError::Claim("email".to_owned()))),
        (json!({"email_verified": false}), Some(TokenError::Unverified)),
        (json!({"email_verified": "true"}), Some(TokenError::Unverified)),
        (json!({"email_verified": null}), Some(TokenError::Unverified)),
    ];
    for (change, expected) in changes {
        let (honest, signer, more) = (at.clone(), signer.clone(), change.clone());
        let result = visited(&client, &at, move |asked| {
            let mut claims = honest.claims(asked, "ana", &["a"]);
            for (name, value) in more.as_object().expect("an object") {
                claims[name] = value.clone();
            }
            Reply::Token(signer.token(&claims))
        })
        .await;
        match expected {
            None => assert!(result.is_ok(), "{change}: {result:?}"),
            Some(error) => assert_eq!(why(result), error, "{change}"),
        }
    }
    // Groups that are none give none.
    for groups in [json!({"a": "b"}), json!(null), json!([1, ["a"]])] {
        let (honest, signer) = (at.clone(), signer.clone());
        let result = visited(&client, &at, move |asked| {
            let mut claims = honest.claims(asked, "ana", &[]);
            claims["groups"] = groups.clone();
            Reply::Token(signer.token(&claims))
        });
        assert!(result.await.expect("it is good").groups.is_empty());
    }
}

#[tokio::test]
async fn what_no_published_key_has_signed_names_nobody() {
    let (rsa, p256) = (std::sync::Arc::new(Signer::rsa("r")), std::sync::Arc::new(Signer::p256("p")));
    let at = oidc::Provider::start(&[&rsa, &p256]);
    let client = client(&at.issuer());
    type Forge = Box<dyn Fn(&Signer, &Signer, &Value) -> String + Send + Sync>;
    let algorithm = |name: &str| TokenError::Algorithm(name.to_owned());
    let forged: Vec<(Forge, TokenError)> = vec![
        (Box::new(|_, _, claims| unsigned("none", claims)), algorithm("none")),
        (Box::new(|_, _, claims| unsigned("None", claims)), algorithm("None")),
        (Box::new(|_, _, claims| unsigned("RS256", claims)), TokenError::Signature),
        // The public key is no secret, in whichever form.
        (Box::new(|rsa, _, claims| rsa.confused(claims, &rsa.public_bytes())), algorithm("HS256")),
        (
            Box::new(|rsa, _, claims| rsa.confused(claims, rsa.public().to_string().as_bytes())),
            algorithm("HS256"),
        ),
        // Nor is a key good for another algorithm than its own.
        (
            Box::new(|_, p256, claims| p256.token_under(&json!({"alg": "RS256", "kid": "p"}), claims)),
            TokenError::Key,
        ),
        (
            Box::new(|rsa, _, claims| rsa.token_under(&json!({"alg": "ES256", "kid": "r"}), claims)),
            TokenError::Key,
        ),
        (
            Box::new(|rsa, _, claims| rsa.token_under(&json!({"alg": "RS384", "kid": "r"}), claims)),
            algorithm("RS384"),
        ),
        (Box::new(|_, _, claims| Signer::p256("p").token(claims)), TokenError::Signature),
        (Box::new(|_, _, claims| Signer::p256("unknown").token(claims)), TokenError::Key),
        // A key that the token brings along is nobody's.
        (
            Box::new(|_, _, claims| {
                let own = Signer::p256("own");
                own.token_under(&json!({"alg": "ES256", "kid": "own", "jwk": own.public()}), claims)
            }),
            TokenError::Key,
        ),
        (
            Box::new(|_, p256, claims| {
                p256.token_under(&json!({"alg": "ES256", "kid": "p", "crit": ["b64"], "b64": false}), claims)
            }),
            TokenError::Malformed("it has critical extensions"),
        ),
        (
            Box::new(|_, p256, claims| {
                let (token, mut other) = (p256.token(claims), claims.clone());
                other["sub"] = json!("root");
                let forged = p256.token(&other);
                let parts: Vec<&str> = token.split('.').collect();
                format!("{}.{}.{}", parts[0], forged.split('.').nth(1).expect("a body"), parts[2])
            }),
            TokenError::Signature,
        ),
        (
            Box::new(|_, p256, claims| format!("{}.x", p256.token(claims))),
            TokenError::Malformed("it has not three parts"),
        ),
        (
            Box::new(|_, p256, claims| format!("{}=", p256.token(claims))),
            TokenError::Malformed("a part is not base64url"),
        ),
        (Box::new(|_, _, _| "a.b".to_owned()), TokenError::Malformed("it has not three parts")),
        (Box::new(|_, _, _| String::new()), TokenError::Malformed("it has not three parts")),
        (Box::new(|_, _, _| "a".repeat(200 << 10)), TokenError::Malformed("it is too long")),
    ];
    for (number, (forge, expected)) in forged.into_iter().enumerate() {
        let (honest, rsa, p256) = (at.clone(), rsa.clone(), p256.clone());
        let result = visited(&client, &at, move |asked| {
            Reply::Token(forge(&rsa, &p256, &honest.claims(asked, "ana", &["a"])))
        });
        assert_eq!(why(result.await), expected, "{number}");
    }
}

#[tokio::test]
async fn keys_are_fetched_again_once_when_one_is_not_known() {
    let (old, new) = (std::sync::Arc::new(Signer::p256("old")), std::sync::Arc::new(Signer::p256("new")));
    let at = oidc::Provider::start(&[&old]);
    let client = client(&at.issuer());
    let by = |signer: &std::sync::Arc<Signer>| {
        let (honest, signer) = (at.clone(), signer.clone());
        move |asked: &Asked| Reply::Token(signer.token(&honest.claims(asked, "ana", &["a"])))
    };
    assert!(visited(&client, &at, by(&old)).await.is_ok());
    assert!(visited(&client, &at, by(&old)).await.is_ok());
    assert_eq!(at.looks_at_keys(), 1);
    assert_eq!(why(visited(&client, &at, by(&new)).await), TokenError::Key);
    assert_eq!(at.looks_at_keys(), 2);
    at.publish(&[&new]);
    assert!(visited(&client, &at, by(&new)).await.is_ok());
    assert_eq!(at.looks_at_keys(), 3);
    // What was withdrawn is believed no more.
    assert_eq!(why(visited(&client, &at, by(&old)).await), TokenError::Key);
    // Keys that are not understood, or for something else, are none; nor is a set that is no set.
    let mut other = old.public();
    other["use"] = json!("enc");
    at.publish_raw(json!({"keys": [other, {"kty": "oct", "k": "AAAA", "kid": "old"}, 7, null]}));
    assert_eq!(why(visited(&client, &at, by(&old)).await), TokenError::Key);
    at.publish_raw(json!("keys"));
    assert!(matches!(visited(&client, &at, by(&old)).await, Err(OidcError::Strange { .. })));
}

#[tokio::test]
async fn a_login_belongs_to_whoever_began_it() {
    let signer = Signer::p256("one");
    let at = oidc::Provider::start(&[&signer]);
    let client = client(&at.issuer());
    let (honest, first) = (at.clone(), client.begin_visit(1).await.expect("it begins"));
    let other = client.begin_visit(2).await.expect("it begins");
    let nonce = nonce_of(&first.address);
    at.answer(move |asked| {
        Reply::Token(signer.token(&honest.claims(
            &Asked { nonce: nonce.clone(), ..asked.clone() },
            "ana",
            &[],
        )))
    });
    // Neither with the state of another, nor with the token of another.
    let mixed = client.finish_visit(&first, state_of(&other.address), "any").await;
    assert!(matches!(mixed, Err(OidcError::OtherLogin)));
    assert_eq!(why(client.finish_visit(&other, state_of(&other.address), "any").await), TokenError::Nonce);
    assert!(client.finish_visit(&first, state_of(&first.address), "any").await.is_ok());
}

#[tokio::test]
async fn answers_that_are_none_end_a_login() {
    let signer = Signer::p256("one");
    let at = oidc::Provider::start(&[&signer]);
    let client = client(&at.issuer());
    let endless = visited(&client, &at, |_| Reply::Endless).await;
    assert!(
        matches!(&endless, Err(OidcError::Unreachable { why, .. }) if why.contains("more than")),
        "{endless:?}"
    );
    let cut = visited(&client, &at, |_| Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())).await;
    assert!(matches!(cut, Err(OidcError::Unreachable { .. })), "{cut:?}");
    let moved = b"HTTP/1.1 307 -\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec();
    let moved = visited(&client, &at, move |_| Reply::Raw(moved.clone())).await;
    assert!(matches!(moved, Err(OidcError::Strange { .. })), "{moved:?}");
    let empty = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let empty = visited(&client, &at, move |_| Reply::Raw(empty.clone())).await;
    assert!(matches!(empty, Err(OidcError::Strange { .. })), "{empty:?}");
    let refused = visited(&client, &at, |_| Reply::Error("invalid_grant")).await;
    assert!(matches!(&refused, Err(OidcError::Refused(words)) if words == "invalid_grant"), "{refused:?}");
    let nobody = self::client("http://127.0.0.1:1").begin_visit(1).await;
    assert!(matches!(nobody, Err(OidcError::Unreachable { .. })));
    // A document of another issuer is none, at whichever address it lies.
    let elsewhere = self::client(&at.issuer().replace("127.0.0.1", "localhost")).begin_visit(1).await;
    assert!(matches!(elsewhere, Err(OidcError::Strange { .. })));
}

#[tokio::test]
async fn a_code_is_waited_for_until_somebody_has_typed_it_in() {
    let signer = std::sync::Arc::new(Signer::rsa("one"));
    let at = oidc::Provider::start(&[&signer]);
    let client = client(&at.issuer());
    assert!(client.has_device_codes().await.expect("it says"));
    let device = client.begin_device().await.expect("it begins");
    assert_eq!(
        (device.user_code.as_str(), device.address),
        ("WDJB-MJHT", format!("{}/activate", at.issuer()))
    );
    let (honest, by, mut asks) = (at.clone(), signer.clone(), 0);
    at.answer(move |asked| {
        asks += 1;
        match asks {
            1 => Reply::Error("authorization_pending"),
            _ => {
                // Many providers leave the nonce out here.
                let mut claims = honest.claims(asked, "ana", &["a"]);
                claims.as_object_mut().expect("an object").remove("nonce");
                Reply::Token(by.token(&claims))
            }
        }
    });
    let device = client.begin_device().await.expect("it begins");
    assert_eq!(client.finish_device(&device, |_| {}).await.expect("it is confirmed").name, "ana@example.com");
    // One that is another login's is none, here as well.
    let honest = at.clone();
    at.answer(move |asked| {
        let asked = Asked { nonce: "another".to_owned(), ..asked.clone() };
        Reply::Token(signer.token(&honest.claims(&asked, "ana", &["a"])))
    });
    let device = client.begin_device().await.expect("it begins");
    assert_eq!(why(client.finish_device(&device, |_| {}).await), TokenError::Nonce);
    for (error, expected) in [("access_denied", OidcError::Denied), ("expired_token", OidcError::Expired)] {
        at.answer(move |_| Reply::Error(error));
        let device = client.begin_device().await.expect("it begins");
        let ended = client.finish_device(&device, |_| {}).await.expect_err("it ended");
        assert_eq!(ended.to_string(), expected.to_string());
    }
    at.offer_device_codes(false);
    let none = self::client(&at.issuer()).begin_device().await;
    assert!(matches!(none, Err(OidcError::NotOffered(_))));
}

/// A gateway's answer to a request that its provider does not take.
fn gateway(status: &'static str) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: 6\r\n");
    Reply::Raw((head + "connection: close\r\n\r\n<html>").into_bytes())
}

#[tokio::test]
async fn a_gateway_whose_provider_is_away_ends_no_login_with_a_code() {
    let signer = Signer::p256("one");
    let at = oidc::Provider::start(&[&signer]);
    let client = client(&at.issuer());
    let (honest, mut asks) = (at.clone(), 0);
    at.answer(move |asked| {
        asks += 1;
        match asks {
            1 => gateway("502 Bad Gateway"),
            2 => Reply::Error("authorization_pending"),
            3 => gateway("503 Service Unavailable"),
            _ => Reply::Token(signer.token(&honest.claims(asked, "ana", &["a"]))),
        }
    });
    let device = client.begin_device().await.expect("it begins");
    let mut told = Vec::new();
    let person = client.finish_device(&device, |why| told.push(why.to_owned())).await;
    assert_eq!(person.expect("it is confirmed").name, "ana@example.com");
    assert_eq!(told, ["HTTP 502 Bad Gateway", "HTTP 503 Service Unavailable"]);
    // What the provider itself says wrong ends it.
    at.answer(|_| gateway("500 Internal Server Error"));
    let device = client.begin_device().await.expect("it begins");
    let ended = client.finish_device(&device, |_| {}).await;
    assert!(matches!(ended, Err(OidcError::Strange { .. })), "{ended:?}");
}
