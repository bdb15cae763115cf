//! The document that is committed says what the code answers.

use std::path::Path;

#[test]
fn the_committed_document_is_the_one_the_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = welkin_server::document();
    if std::env::var_os("WELKIN_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/openapi.json is not what the code makes: WELKIN_BLESS=1 cargo test -p welkin-server"
    );
}
