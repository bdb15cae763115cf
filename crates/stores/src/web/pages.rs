//! Pages of a listing, for stores that go on with a token.
//!
//! A store is not believed: keys must begin with what was asked for and get on in an order, the token must
//! change, and pages without a key have a bound, or the listing would never end. The order is that of bytes, or of
//! UTF-16, which some servers have; the two differ only where characters beyond U+FFFF stand beside U+E000 to
//! U+FFFF. Who needs the order of bytes (a comparison does, a copy does not) checks that itself.

use async_trait::async_trait;
use std::cmp::Ordering;
use std::sync::Arc;
use welkin_store::{Failure, FailureKind, Listed, Lister};

/// Most pages in a row without a key. Stores make some where much was deleted lately; at 20 ms a page this is
/// more than three minutes.
const MOST_EMPTY: u32 = 10_000;

/// Longest object that is believed: 1 PiB, five times the longest that any of the stores takes. 16,384 of them fit
/// the sums that are made of sizes.
pub(crate) const MOST_BYTES: u64 = 1 << 50;

/// Most objects on a page, for its memory: S3 and Google are asked for 1,000, Azure for 5,000, and some servers do
/// not care.
pub(crate) const MOST_LISTED: usize = 100_000;

/// A page, as its store answered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) listed: Vec<Listed>,
    /// What to ask for the next one with; none after the last.
    pub(crate) token: Option<String>,
}

/// Why an answer is no page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoPage {
    /// It ends in the middle.
    CutOff,
    /// It says what cannot be.
    Wrong(String),
}

impl NoPage {
    pub(crate) fn failure(self, operation: &str) -> Failure {
        match self {
            Self::CutOff => Failure::new(FailureKind::Transient, operation, "the answer is cut off"),
            Self::Wrong(why) => Failure::new(FailureKind::Invalid, operation, why),
        }
    }
}

/// A page that is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) prefix: &'a str,
    /// The key that the listing begins after. A store that cannot do that lists from the start.
    pub(crate) after: Option<&'a str>,
    /// That of the page before.
    pub(crate) token: Option<&'a str>,
}

/// A store that lists in pages.
#[async_trait]
pub(crate) trait Paged: Send + Sync {
    /// What listing is called in failures.
    fn listing(&self, prefix: &str) -> String;

    /// Asks for a page.
    async fn page(&self, asked: Asked<'_>, operation: &str) -> Result<Page, Failure>;
}

/// A listing under way.
pub(crate) struct Pages<S> {
    store: Arc<S>,
    prefix: String,
    after: Option<String>,
    token: Option<String>,
    course: Course,
    empty: u32,
    over: bool,
}

impl<S: Paged> Pages<S> {
    pub(crate) fn new(store: Arc<S>, prefix: &str, after: Option<&str>) -> Self {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        Self { store, prefix, after, token: None, course: Course::default(), empty: 0, over: false }
    }

    /// Fails with a sentence unless the page goes on where the ones before ended.
    fn follows(&mut self, page: &Page) -> Result<(), String> {
        for listed in &page.listed {
            if !listed.key.starts_with(&self.prefix) {
                return Err(format!("the store lists {:?}, which is not below that", listed.key));
            }
            if listed.size > MOST_BYTES {
                return Err(format!("{:?} has {} bytes, as the store says", listed.key, listed.size));
            }
            self.course.take(&listed.key)?;
        }
        self.empty = if page.listed.is_empty() { self.empty + 1 } else { 0 };
        match &page.token {
            Some(token) if self.token.as_ref() == Some(token) => {
                Err("the store answers the same page again and again".to_owned())
            }
            Some(_) if self.empty > MOST_EMPTY => Err(format!("{MOST_EMPTY} pages in a row list nothing")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl<S: Paged> Lister for Pages<S> {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if self.over {
            return Ok(None);
        }
        let operation = self.store.listing(&self.prefix);
        let (after, token) = (self.after.as_deref(), self.token.as_deref());
        let page = self.store.page(Asked { prefix: &self.prefix, after, token }, &operation).await?;
        self.follows(&page).map_err(|why| Failure::new(FailureKind::Invalid, &operation, why))?;
        (self.over, self.token) = (page.token.is_none(), page.token);
        let mut listed = page.listed;
        listed.retain(|listed| self.after.as_ref().is_none_or(|after| is_after(&listed.key, after)));
        Ok(Some(listed))
    }
}

/// Whether a key comes after another in either order: one that was listed before is taken twice rather than one
/// that was not never.
fn is_after(key: &str, other: &str) -> bool {
    key > other || utf16(key, other).is_gt()
}

fn utf16(left: &str, right: &str) -> Ordering {
    left.encode_utf16().cmp(right.encode_utf16())
}

/// The orders that the keys of a listing still have.
struct Course {
    last: Option<String>,
    bytes: bool,
    utf16: bool,
}

impl Default for Course {
    fn default() -> Self {
        Self { last: None, bytes: true, utf16: true }
    }
}

impl Course {
    fn take(&mut self, key: &str) -> Result<(), String> {
        if let Some(last) = &self.last {
            self.bytes &= last.as_str() < key;
            self.utf16 &= utf16(last, key).is_lt();
            if !self.bytes && !self.utf16 {
                return Err(format!("{key:?} comes after {last:?}: this store does not list in order"));
            }
        }
        self.last = Some(key.to_owned());
        Ok(())
    }
}
