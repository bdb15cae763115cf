//! What must hold for any bytes at all. Run by the fuzz target, and by a plain test over mutated addresses.

use welkin_address::{Service, StoreAddress, file_path};

/// A text is no address, or one that is shown as an address of the same store.
pub(crate) fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let path = file_path(text);
    let Ok(address) = text.parse::<StoreAddress>() else {
        assert_eq!(path, None, "{text:?} names a path and is no address");
        return;
    };
    assert_eq!(path.is_some(), address.service == Service::File, "{text:?}");
    assert!(path.is_none_or(|path| path == address.key));
    let shown = address.to_string();
    // An account without a container is not spelt as one: it is refused then, and never another store.
    let again = match shown.parse::<StoreAddress>() {
        Ok(again) => again,
        Err(error) => return assert!(address.bucket.is_empty(), "{text:?} is shown as {shown:?}: {error}"),
    };
    assert_eq!(
        (again.service, &again.bucket, &again.key),
        (address.service, &address.bucket, &address.key),
        "{text:?}, {shown:?}"
    );
    assert_eq!(again.to_string(), shown);
}
