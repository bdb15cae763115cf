//! What must hold for any bytes at all. Run by the fuzz target, and by a plain test over mutated cases
//! of the suite.

use welkin_name::native::aws::Arn;
use welkin_name::native::azure::ResourceId;
use welkin_name::native::gcp::ResourceName;
use welkin_name::native::kubernetes::ObjectId;
use welkin_name::native::spiffe::SpiffeId;
use welkin_name::native::{NativeId, from_native, to_native};
use welkin_name::{MAX_LEN, Name, ParseError, Selector};

/// Checks every property on one input; panics on the first that fails.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Name::parse(text) {
        Ok(name) => check_name(&name),
        Err(error) => check_error(text, &error),
    }
    match Selector::parse(text) {
        Ok(selector) => check_selector(&selector),
        Err(error) => check_error(text, &error),
    }
    check_native::<Arn>(text);
    check_native::<ResourceName>(text);
    check_native::<ResourceId>(text);
    check_native::<ObjectId>(text);
    if let Ok(id) = text.parse::<SpiffeId>() {
        assert_eq!(id.to_string(), text, "a SPIFFE id has one spelling");
        let name = id.name().expect("a SPIFFE id is read only if it is a name");
        assert_eq!(SpiffeId::issue(&id.trust_domain, &name), Ok(id));
    }
    if let Ok(name) = from_native(text) {
        check_name(&name);
    }
}

/// A name prints as itself, is put together from its parts, and is a selector of itself.
pub(crate) fn check_name(name: &Name) {
    assert!(name.as_str().len() <= MAX_LEN && name.as_str().is_ascii(), "{name}");
    assert_eq!(Name::parse(name.as_str()).as_ref(), Ok(name), "parse(print(x)) = x");
    assert_eq!(name.to_builder().build().as_ref(), Ok(name), "built from its parts");

    let mut builder =
        Name::builder(name.provider(), name.kind_path(), "x").location(name.location().as_str());
    // A slash within a segment cannot be said to the builder, so such offerings stay out.
    if name.segments().all(|segment| !segment.contains('/')) {
        builder = builder.offering(&name.offering());
        for (key, value) in name.qualifiers() {
            builder = builder.qualifier(key, &value);
        }
        if let Some(version) = name.version() {
            builder = builder.version(&version);
        }
        if let Some(instance) = name.instance() {
            builder = builder.instance(&instance);
        }
        assert_eq!(builder.build().as_ref(), Ok(name), "built from what its parts say");
    }

    let selector = Selector::from(name);
    assert_eq!(selector.as_str(), name.as_str(), "a name is its own selector");
    assert!(selector.matches(name), "a name selects itself: {name}");
    assert!(Selector::from(&name.without_instance()).matches(name), "an offering selects its instances");

    if let Ok(id) = to_native(name) {
        let reduced = from_native(&id).unwrap_or_else(|error| panic!("{name} gave {id}: {error}"));
        assert_eq!(to_native(&reduced).as_ref(), Ok(&id), "a reduced name has the same id");
    }
}

/// A selector prints as itself and decides as its printed form does.
fn check_selector(selector: &Selector) {
    let again = Selector::parse(selector.as_str());
    assert_eq!(again.as_ref().map(Selector::as_str), Ok(selector.as_str()), "print(parse(s)) is idempotent");
    let again = again.expect("checked above");
    for name in
        ["sky:aws/us-east-1:use1-az4/vm/p5.48xlarge@1?hw=nvidia-h100-80gb:8&tier=spot#i-0abc", "sky:x/-/db/y"]
    {
        let name = Name::parse(name).expect("a fixed name");
        assert_eq!(selector.matches(&name), again.matches(&name), "{selector} on {name}");
    }
}

/// An error points into the text and prints without control characters.
fn check_error(text: &str, error: &ParseError) {
    assert!(error.at() <= text.len(), "{error} points past the end of {text:?}");
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
}

fn check_native<T: NativeId + PartialEq + std::fmt::Debug>(text: &str) {
    let Ok(id) = text.parse::<T>() else { return };
    assert_eq!(id.to_string().parse::<T>().as_ref(), Ok(&id), "an id prints as itself");
    if let Ok(name) = id.name() {
        check_name(&name);
        assert_eq!(T::of(&name).as_ref(), Ok(&id), "of(name(i)) = i for {id}");
    }
}
