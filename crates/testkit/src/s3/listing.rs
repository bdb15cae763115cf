//! One page of a bucket's keys.
//!
//! Everything is a position to go on from, *inclusive*: a key continues at the key with a zero
//! appended, a common prefix at the first string that no longer begins with it. So a page costs what
//! it shows, however many keys a common prefix stands for.

use std::sync::Arc;
use std::time::SystemTime;

use super::bucket::Bucket;

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    /// Only what does not sort before this.
    pub(super) from: String,
    pub(super) limit: usize,
    /// Shows the bucket as it was at this request.
    pub(super) as_of: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) entries: Vec<(String, Entry)>,
    pub(super) prefixes: Vec<String>,
    /// Where the next page begins; `None` on the last.
    pub(super) next: Option<String>,
    /// The last key or prefix shown.
    pub(super) last: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) size: u64,
    pub(super) etag: Arc<str>,
    pub(super) modified: SystemTime,
}

impl Page {
    pub(super) fn of(bucket: &Bucket, query: &Query) -> Self {
        let mut page = Self::default();
        let mut position = query.from.as_str().max(&query.prefix).to_owned();
        'seek: loop {
            for (key, entry) in bucket.entries(&position, query.as_of) {
                let Some(rest) = key.strip_prefix(query.prefix.as_str()) else { return page };
                if page.entries.len() + page.prefixes.len() >= query.limit {
                    // With a limit of zero nothing was shown, and there is nothing to go on from.
                    page.next = page.last.is_some().then_some(position);
                    return page;
                }
                let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
                if let Some(at) =
                    delimiter.and_then(|delimiter| rest.find(delimiter).map(|at| at + delimiter.len()))
                {
                    let common = key[..query.prefix.len() + at].to_owned();
                    let beyond = past(&common);
                    page.last = Some(common.clone());
                    page.prefixes.push(common);
                    let Some(beyond) = beyond else { return page };
                    position = beyond;
                    continue 'seek;
                }
                position = after(&key);
                page.last = Some(key.clone());
                page.entries.push((key, entry));
            }
            return page;
        }
    }
}

/// The first string after `key`.
pub(super) fn after(key: &str) -> String {
    format!("{key}\0")
}

/// The first string after all that begin with `prefix`; `None` where nothing can follow.
pub(super) fn past(prefix: &str) -> Option<String> {
    let mut head = prefix.to_owned();
    while let Some(last) = head.pop() {
        // Surrogates are no characters; the first code point after them is.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            head.push(next);
            return Some(head);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::options::BucketKind;
    use crate::s3::synthetic::Synthetic;

    fn all(bucket: &Bucket, prefix: &str, delimiter: Option<&str>, limit: usize) -> (Vec<String>, usize) {
        let mut query = Query {
            prefix: prefix.to_owned(),
            delimiter: delimiter.map(str::to_owned),
            limit,
            ..Query::default()
        };
        let (mut seen, mut pages) = (Vec::new(), 0);
        loop {
            let page = Page::of(bucket, &query);
            pages += 1;
            seen.extend(page.prefixes);
            seen.extend(page.entries.into_iter().map(|(key, _)| key));
            let Some(next) = page.next else { return (seen, pages) };
            query.from = next;
        }
    }

    #[test]
    fn pages_join_without_gap_or_repeat() {
        let mut bucket = Bucket::new(&BucketKind::Memory);
        let keys = ["a", "a/b", "a/b/c", "a/d", "a0", "b/x", "b/y", "é", "\u{10ffff}/z"];
        keys.iter().for_each(|key| bucket.put_for_test(key));
        for limit in 1..=keys.len() + 1 {
            let (seen, pages) = all(&bucket, "", None, limit);
            assert_eq!(seen, keys, "limit {limit}");
            assert_eq!(pages, keys.len().div_ceil(limit), "limit {limit}");
            let (mut grouped, _) = all(&bucket, "", Some("/"), limit);
            grouped.sort();
            assert_eq!(grouped, ["a", "a/", "a0", "b/", "é", "\u{10ffff}/"], "limit {limit}");
            let (mut below, _) = all(&bucket, "a/", Some("/"), limit);
            below.sort();
            assert_eq!(below, ["a/b", "a/b/", "a/d"], "limit {limit}");
        }
    }

    #[test]
    fn a_synthetic_bucket_lists_in_pages() {
        let bucket = Bucket::new(&BucketKind::Synthetic(Synthetic { objects: 2_500, bytes: 1, seed: 0 }));
        let (seen, pages) = all(&bucket, "", None, 1_000);
        assert_eq!((seen.len(), pages), (2_500, 3));
        assert!(seen.is_sorted());
        assert_eq!(all(&bucket, "", Some("/"), 10).0, ["d0000000/", "d0000001/", "d0000002/"]);
        assert_eq!(all(&bucket, "d0000002/o4", None, 1_000).0.len(), 100);
    }
}
