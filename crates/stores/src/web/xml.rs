//! The little XML that stores speak.

use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 16;

/// Walks a document: `visit` gets the path of element names and the text of each leaf. Ends early at what is not XML.
/// Text of elements with `Encoded="true"` is percent-decoded: Azure writes names so that XML has no way to write.
pub(crate) fn walk(bytes: &[u8], mut visit: impl FnMut(&[String], String)) {
    let Ok(document) = std::str::from_utf8(bytes) else { return };
    let mut reader = Reader::from_str(document);
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut encoded = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if path.len() >= MAX_DEPTH {
                    return;
                }
                path.push(start.local_name().as_ref().to_owned());
                text.clear();
                let attribute = start.try_get_attribute("Encoded").ok().flatten();
                encoded = attribute.is_some_and(|attribute| attribute.value.as_ref() == "true");
            }
            Ok(Event::Empty(start)) => {
                path.push(start.local_name().as_ref().to_owned());
                visit(&path, String::new());
                path.pop();
            }
            Ok(Event::Text(piece)) => text.push_str(&piece),
            Ok(Event::CData(piece)) => text.push_str(&piece),
            Ok(Event::GeneralRef(name)) => text.push_str(&entity(&name)),
            Ok(Event::End(_)) => {
                let text = std::mem::take(&mut text);
                visit(&path, if std::mem::take(&mut encoded) { percent_decoded(&text) } else { text });
                path.pop();
            }
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What stands for `&name;`.
fn entity(name: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return character.to_string();
    }
    match name.as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
    .to_owned()
}

/// Code and words of an `<Error>` document.
pub(crate) fn error(bytes: &[u8]) -> Option<(String, String)> {
    let (mut code, mut words) = (None, String::new());
    walk(bytes, |path, text| match path {
        [root, leaf] if root == "Error" && leaf == "Code" => code = Some(text),
        [root, leaf] if root == "Error" && leaf == "Message" => words = text,
        _ => {}
    });
    code.map(|code| (code, words))
}

/// Text of the first element of that name below the root.
pub(crate) fn text_of(bytes: &[u8], name: &str) -> Option<String> {
    let mut found = None;
    walk(bytes, |path, text| {
        if path.len() == 2 && path[1] == name && found.is_none() {
            found = Some(text);
        }
    });
    found
}

/// Whether the root has that name.
pub(crate) fn has(bytes: &[u8], root: &str) -> bool {
    let mut found = false;
    walk(bytes, |path, _| found |= path.first().is_some_and(|name| name == root));
    found
}

/// Text for an element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_elements() {
        let said = b"<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>a &lt; b &#38; c</Message></Error>";
        assert_eq!(error(said), Some(("SlowDown".to_owned(), "a < b & c".to_owned())));
        let done = b"<CompleteMultipartUploadResult xmlns='x'><ETag>&quot;a-2&quot;</ETag></CompleteMultipartUploadResult>";
        assert!(has(done, "CompleteMultipartUploadResult") && !has(said, "CompleteMultipartUploadResult"));
        assert_eq!(text_of(done, "ETag").as_deref(), Some("\"a-2\""));
        let odd = b"<a><Name Encoded=\"true\">a%EF%BF%BEb</Name><Name>%41</Name></a>";
        let mut names = Vec::new();
        walk(odd, |path, text| names.extend((path.len() == 2).then_some(text)));
        assert_eq!(names, ["a\u{fffe}b", "%41"]);
        assert_eq!(error(b"not xml <<<"), None);
        assert_eq!(error(&b"<a>".repeat(1000)), None);
    }
}
