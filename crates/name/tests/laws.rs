//! Properties over generated names, selectors and native ids, and bounds on hostile ones.

#[path = "../fuzz/properties.rs"]
mod properties;

use std::time::{Duration, Instant};

use proptest::prelude::*;
use welkin_name::native::{from_native, to_native};
use welkin_name::{Kind, Location, Name, Reason, Selector};

fn label() -> impl Strategy<Value = String> {
    "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?"
}

fn provider() -> impl Strategy<Value = String> {
    prop::collection::vec(label(), 1..4).prop_map(|labels| labels.join("."))
}

fn location() -> impl Strategy<Value = String> {
    let level = "[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?";
    prop_oneof![Just("-".to_owned()), prop::collection::vec(level, 1..4).prop_map(|levels| levels.join(":"))]
}

fn kind() -> impl Strategy<Value = String> {
    (prop::sample::select(Kind::ALL), prop::option::of("[a-z][a-z0-9]{0,5}")).prop_map(
        |(kind, sub)| match sub {
            Some(sub) => format!("{kind}.{sub}"),
            None => kind.to_string(),
        },
    )
}

/// Any text that a part can say: no control characters, and neither dots alone nor nothing.
fn said() -> impl Strategy<Value = String> {
    "[^\\p{Cc}/]{1,12}".prop_filter("dot segments", |text| text != "." && text != "..")
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(said(), 1..3).prop_map(|segments| segments.join("/"))
}

fn qualifier() -> impl Strategy<Value = (String, String)> {
    let items = || {
        prop::collection::vec("[a-z0-9]([a-z0-9.-]{0,6}[a-z0-9])?", 1..4).prop_map(|items| items.join(","))
    };
    let topology = prop::option::of("[1-9](x[1-9][0-9]{0,2}){1,2}");
    let hardware =
        ("[a-z0-9]{1,6}(-[a-z0-9]{1,5}){0,3}", 1..10_000_u32, topology).prop_map(|(model, count, shape)| {
            shape.map_or(format!("{model}:{count}"), |shape| format!("{model}:{count}:{shape}"))
        });
    let tier = prop::sample::select(vec!["ondemand", "spot", "reserved", "free"]);
    prop_oneof![
        hardware.prop_map(|value| ("hw".to_owned(), value)),
        tier.prop_map(|value| ("tier".to_owned(), value.to_owned())),
        items().prop_map(|value| ("api".to_owned(), value)),
        items().prop_map(|value| ("net".to_owned(), value)),
        said().prop_map(|value| ("acct".to_owned(), value)),
        (label(), label(), said()).prop_map(|(vendor, key, value)| (format!("x-{vendor}.{key}"), value)),
    ]
}

prop_compose! {
    fn name()(
        provider in provider(), location in location(), kind in kind(), offering in path(),
        version in prop::option::of(said()), quals in prop::collection::vec(qualifier(), 0..4),
        instance in prop::option::of(path()),
    ) -> Option<Name> {
        let mut builder = Name::builder(&provider, &kind, &offering).location(&location);
        for (key, value) in &quals {
            builder = builder.qualifier(key, value);
        }
        if let Some(version) = &version {
            builder = builder.version(version);
        }
        if let Some(instance) = &instance {
            builder = builder.instance(instance);
        }
        match builder.build() {
            Ok(name) => Some(name),
            // The only rule that the strategies above do not keep.
            Err(error) => { assert_eq!(error.reason(), Reason::TooLong, "{error}"); None }
        }
    }
}

/// Another spelling of the same name: each byte of a part with escapes escaped, the rest in capitals.
fn respell(name: &Name) -> String {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let offering: Vec<String> = name.segments().map(|segment| escape(&segment)).collect();
    let head = format!("sky:{}/{}/{}", name.provider(), name.location(), name.kind_path());
    let mut out = format!("{}/{}", head.to_ascii_uppercase(), offering.join("/"));
    if let Some(version) = name.version() {
        out += &format!("@{}", escape(&version));
    }
    let mut quals: Vec<_> = name
        .qualifiers()
        .map(|(key, value)| format!("{}={}", key.to_ascii_uppercase(), escape(&value)))
        .collect();
    quals.reverse();
    if !quals.is_empty() {
        out += &format!("?{}", quals.join("&"));
    }
    if let Some(instance) = name.instance() {
        out += &format!("#{}", escape(&instance));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_name_keeps_its_laws(name in name()) {
        if let Some(name) = name {
            properties::check_name(&name);
        }
    }

    #[test]
    fn spellings_of_one_name_meet(name in name()) {
        if let Some(name) = name {
            let other = respell(&name);
            // Three bytes for each may be more than the parser reads.
            if other.len() <= 2_048 {
                prop_assert_eq!(Name::parse(&other), Ok(name), "{}", other);
            }
        }
    }

    #[test]
    fn order_and_equality_are_the_texts(a in name(), b in name()) {
        if let (Some(a), Some(b)) = (a, b) {
            prop_assert_eq!(a.cmp(&b), a.as_str().cmp(b.as_str()));
            prop_assert_eq!(a == b, a.as_str() == b.as_str());
        }
    }

    #[test]
    fn a_region_selects_its_zones(name in name(), zone in "[a-z0-9]{1,6}") {
        if let Some(name) = name && !name.location().is_none() && name.location().cell().is_none() {
            let location = format!("{}:{zone}", name.location());
            if let Ok(within) = name.to_builder().location(&location).build() {
                prop_assert!(name.location().contains(Location::clone(&within.location())));
                prop_assert!(Selector::from(&name).matches(&within));
                prop_assert!(!Selector::from(&within).matches(&name));
            }
        }
    }

    #[test]
    fn an_exclusion_is_the_opposite(name in name(), pattern in "[a-c*]{1,4}(/[a-c*]{1,4})?") {
        if let Some(name) = name {
            let selector = Selector::parse(&format!("sky:{pattern}"));
            let opposite = Selector::parse(&format!("!sky:{pattern}"));
            let (Ok(selector), Ok(opposite)) = (selector, opposite) else { return Ok(()) };
            prop_assert_ne!(selector.matches(&name), opposite.matches(&name));
        }
    }

    /// The glob matcher against the definition: some way to cut the text at the stars.
    #[test]
    fn globs_match_by_definition(pattern in "[ab*]{1,8}", text in "[ab]{1,10}") {
        fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some((b'*', rest)), _) => (0..=text.len()).any(|taken| by_definition(rest, &text[taken..])),
                (Some((p, pattern)), Some((t, text))) => p == t && by_definition(pattern, text),
                _ => false,
            }
        }
        let selector = Selector::parse(&format!("sky:*/*/*/{pattern}")).unwrap();
        let name = Name::parse(&format!("sky:x/-/vm/{text}")).unwrap();
        prop_assert_eq!(selector.matches(&name), by_definition(pattern.as_bytes(), text.as_bytes()));
    }

    #[test]
    fn native_ids_round_trip(
        id in prop_oneof![
            ("(us|eu|cn|us-gov)-(east|north|west)-[1-3]", "[0-9]{12}", "i-[0-9a-f]{8,17}").prop_map(|(region, account, id)| {
                let partition = if region.starts_with("cn-") { "aws-cn" } else if region.starts_with("us-gov") { "aws-us-gov" } else { "aws" };
                format!("arn:{partition}:ec2:{region}:{account}:instance/{id}")
            }),
            ("[0-9]{12}", "[A-Za-z0-9_-]{1,20}(:[A-Za-z]{1,8})?").prop_map(|(account, id)| format!("arn:aws:lambda:us-east-1:{account}:function:{id}")),
            "[a-z0-9][a-z0-9.-]{1,40}[a-z0-9]".prop_map(|bucket| format!("arn:aws:s3:::{bucket}")),
            ("[a-z][a-z0-9-]{4,20}[a-z0-9]", "[a-z]{4,9}-[a-z]{4,9}[1-9]-[a-f]", "[a-z][a-z0-9-]{0,30}[a-z0-9]").prop_map(|(project, zone, id)| {
                format!("//compute.googleapis.com/projects/{project}/zones/{zone}/instances/{id}")
            }),
            ("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[a-z0-9_().-]{0,20}[a-z0-9_]", "[a-z0-9][a-z0-9_.-]{0,20}[a-z0-9_]").prop_map(|(subscription, group, id)| {
                format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{id}")
            }),
            ("[a-z][a-z0-9-]{0,20}[a-z0-9]", "[a-z]([a-z0-9.-]{0,20}[a-z0-9])?").prop_map(|(namespace, id)| {
                format!("onprem.acme.org/fra1/prod/apis/batch/v1/namespaces/{namespace}/jobs/{id}")
            }),
        ]
    ) {
        let name = from_native(&id).unwrap();
        prop_assert_eq!(to_native(&name), Ok(id));
        properties::check_name(&name);
    }
}

/// The worst this machine-independent bound allows is far above what is measured (some milliseconds):
/// it catches an exponential, not a slow day.
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn hostile_inputs_take_bounded_time() {
    let hostile = [
        "a".repeat(10_000_000),
        "sky:".repeat(500_000),
        format!("sky:{}", "/".repeat(2_000)),
        format!("sky:x/-/vm/{}", "%2".repeat(1_000)),
        format!("sky:x/-/vm/x?{}", "tier=&".repeat(330)),
        format!("sky:x/-/vm/x?api={}", "b,a,".repeat(480)),
        format!("sky:{}", "{a,b}".repeat(400)),
        format!("sky:{}", "{".repeat(2_000)),
        format!("sky:{{{}}}", ",".repeat(2_000)),
        format!("sky:*/*/vm/{}", "*a".repeat(240)),
        format!("!{}", "!".repeat(2_000)),
    ];
    for text in &hostile {
        let start = Instant::now();
        properties::check(text.as_bytes());
        assert!(start.elapsed() < PATIENCE, "{:.40}… took {:?}", text, start.elapsed());
    }
}

#[test]
fn the_worst_selector_takes_bounded_time() {
    // As many globs as a part may have, each with as much to retry as fits.
    let selector =
        Selector::parse(&format!("sky:*/*/vm/{}{}b", "{a,aa}".repeat(6), "*aaaaaaaa".repeat(49))).unwrap();
    let name = Name::parse(&format!("sky:x/-/vm/{}", "a".repeat(500))).unwrap();
    let start = Instant::now();
    assert!(!selector.matches(&name));
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
}
