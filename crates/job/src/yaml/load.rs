//! Building the tree from parser events, under bounds.
//!
//! Aliases are expanded by copying, and each copy is weighed first: the weight of an anchored
//! subtree is known when it ends, so a bomb of nested aliases is refused at the first copy that
//! would pass [`MAX_NODES`] or [`MAX_TREE_BYTES`], before any memory is spent on it. An anchor
//! holds a copy of its own, which counts too, so nested anchors cannot multiply memory either.

use super::indent::{Moved, moved};
use super::python::python_str;
use super::resolve::{boolean, float, integer, is_odd_base, resolve_plain};
use super::tree::{Entry, Map, Node, Place, Value};
use crate::codes::Code;
use crate::limits::{MAX_DEPTH, MAX_DOCUMENTS, MAX_NODES, MAX_TREE_BYTES};
use crate::report::{Issue, Report};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// The documents of a text. `None` when nothing useful could be read; the report says why.
pub(crate) fn load(text: &str, report: &mut Report<'_>) -> Option<Vec<Node>> {
    let moved = moved(text).unwrap_or_default();
    let text = if moved.text.is_empty() { text } else { &moved.text };
    let mut loader = Loader::default();
    // Where a file ends without a line break.
    let bare_end = (!text.ends_with('\n')).then(|| text.chars().count());
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok((Event::Scalar(text, style, anchor, tag), span)) => {
                let at_end = bare_end.is_some_and(|end| span.end.index() >= end);
                let text = if at_end { without_added_break(text, style) } else { text };
                (Event::Scalar(text, style, anchor, tag), span)
            }
            Ok(event) => event,
            Err(error) => {
                report.add(broken(&error, &moved));
                return None;
            }
        };
        if let Err(issue) = loader.take(event, place_of(span, &moved), report) {
            report.add(issue);
            return None;
        }
    }
    Some(loader.documents)
}

/// A block that ends with the file, whose last line has no break: the parser adds one, and PyYAML does not.
fn without_added_break(mut text: Cow<'_, str>, style: ScalarStyle) -> Cow<'_, str> {
    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) && text.ends_with('\n') {
        text.to_mut().pop();
    }
    text
}

/// What the parser could not read.
fn broken(error: &ScanError, moved: &Moved) -> Issue {
    let mark = error.marker();
    let line = number(mark.line());
    let place = Place::point(line, moved.column(line, number(mark.col()).saturating_add(1)));
    let code = match error.info() {
        info if info.contains("unknown anchor") => Code::UnknownAnchor,
        // The parser looks ahead over a run of brackets and may meet its own bound of 255 before an
        // event is out.
        info if info.contains("recursion limit") => Code::TooDeep,
        _ => Code::Syntax,
    };
    Issue::error(code, place, format!("YAML: {}", error.info()))
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn place_of(span: Span, moved: &Moved) -> Place {
    let (line, last_line) = (number(span.start.line()), number(span.end.line()));
    let length = if last_line > line { u32::MAX } else { number(span.len()).max(1) };
    let column = moved.column(line, number(span.start.col()).saturating_add(1));
    Place { line, column, length, last_line }
}

/// How much a subtree counts against the bounds.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
}

impl Weight {
    fn add(&mut self, other: Self) {
        self.nodes = self.nodes.saturating_add(other.nodes);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// A collection that has begun and not ended.
struct Frame {
    place: Place,
    anchor: usize,
    weight: Weight,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Place>, merges: Vec<Node>, key: Key },
}

/// The key that waits for its value.
enum Key {
    Awaited,
    Merge(Place),
    Name(String, Place),
    /// A key that was reported; its value is dropped.
    Broken,
}

#[derive(Default)]
struct Loader {
    documents: Vec<Node>,
    frames: Vec<Frame>,
    anchors: HashMap<usize, (Node, Weight)>,
    total: Weight,
}

impl Loader {
    fn take(&mut self, event: Event<'_>, place: Place, report: &mut Report<'_>) -> Result<(), Issue> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
            Event::DocumentStart(_) => {
                if self.documents.len() >= MAX_DOCUMENTS {
                    let message = format!("the file has more than {MAX_DOCUMENTS} documents");
                    return Err(Issue::error(Code::TooMany, place, message));
                }
                Ok(())
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let merge = plain && tag.is_none() && text == "<<";
                let value = scalar(&text, plain, tag.as_deref(), place)?;
                let weight = Weight { nodes: 1, bytes: text.len() };
                self.charge(weight, place)?;
                if merge && self.awaits_key() {
                    return self.begin_merge(place, report);
                }
                let odd_base = is_odd_base(&value, &text);
                self.finish(Node { place, value, odd_base }, weight, anchor, report)
            }
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag.as_deref(), &["seq"], place)?;
                self.open(place, anchor, Items::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                collection_tag(tag.as_deref(), &["map", "set"], place)?;
                let items = Items::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    merges: Vec::new(),
                    key: Key::Awaited,
                };
                self.open(place, anchor, items)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.frames.pop() else { return Ok(()) };
                let value = match frame.items {
                    Items::List(items) => Value::List(items),
                    Items::Map { entries, seen, merges, .. } => {
                        Value::Map(Map { entries: merged(entries, seen, merges) })
                    }
                };
                let node = Node { place: frame.place, value, odd_base: false };
                self.finish(node, frame.weight, frame.anchor, report)
            }
            Event::Alias(anchor) => {
                let Some((_, weight)) = self.anchors.get(&anchor) else {
                    let message = "the alias refers to no anchor before it, or to what it stands in";
                    return Err(Issue::error(Code::UnknownAnchor, place, message));
                };
                let weight = *weight;
                self.charge(weight, place)?;
                let Some((node, _)) = self.anchors.get(&anchor) else { return Ok(()) };
                let node = node.clone();
                self.finish(node, weight, 0, report)
            }
        }
    }

    /// Counts a weight against the bounds, before memory is spent on it.
    fn charge(&mut self, weight: Weight, place: Place) -> Result<(), Issue> {
        self.total.add(weight);
        if self.total.nodes > MAX_NODES {
            let message = format!("with its aliases expanded the file has more than {MAX_NODES} nodes");
            return Err(Issue::error(Code::TooBig, place, message));
        }
        if self.total.bytes > MAX_TREE_BYTES {
            let message = format!("with its aliases expanded the file has more than {MAX_TREE_BYTES} bytes");
            return Err(Issue::error(Code::TooBig, place, message));
        }
        Ok(())
    }

    fn open(&mut self, place: Place, anchor: usize, items: Items) -> Result<(), Issue> {
        if self.frames.len() >= MAX_DEPTH {
            let message = format!("the file nests deeper than {MAX_DEPTH} levels");
            return Err(Issue::error(Code::TooDeep, place, message));
        }
        let weight = Weight { nodes: 1, bytes: 0 };
        self.charge(weight, place)?;
        self.frames.push(Frame { place, anchor, weight, items });
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { items: Items::Map { key: Key::Awaited, .. }, .. }))
    }

    fn begin_merge(&mut self, place: Place, report: &mut Report<'_>) -> Result<(), Issue> {
        if let Some(Frame { items: Items::Map { seen, key, .. }, .. }) = self.frames.last_mut() {
            *key = match seen.insert("<<".to_owned(), place) {
                None => Key::Merge(place),
                Some(first) => {
                    report.add(duplicate("<<", first, place));
                    Key::Broken
                }
            };
        }
        Ok(())
    }

    /// Hands a finished node to whatever it stands in.
    fn finish(
        &mut self,
        node: Node,
        weight: Weight,
        anchor: usize,
        report: &mut Report<'_>,
    ) -> Result<(), Issue> {
        if anchor > 0 {
            self.charge(weight, node.place)?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        // The copy of an alias may be as deep as its anchor; the sum is what recursion will meet.
        if self.frames.len() + depth(&node) > MAX_DEPTH {
            let message = format!("with its aliases expanded the file nests deeper than {MAX_DEPTH} levels");
            return Err(Issue::error(Code::TooDeep, node.place, message));
        }
        let Some(frame) = self.frames.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        frame.weight.add(weight);
        match &mut frame.items {
            Items::List(items) => items.push(node),
            Items::Map { entries, seen, merges, key } => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => *key = begin_entry(&node, seen, report),
                Key::Broken => {}
                Key::Merge(place) => merge_sources(node, place, merges, report),
                Key::Name(name, key_place) => {
                    entries.push(Entry { key: name, key_place, value: node });
                }
            },
        }
        Ok(())
    }
}

/// How many levels of collections a node holds; only aliases can make this more than one step, and
/// their weight was charged, so the walk is bounded by the nodes already paid for.
fn depth(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn begin_entry(node: &Node, seen: &mut HashMap<String, Place>, report: &mut Report<'_>) -> Key {
    if matches!(node.value, Value::List(_) | Value::Map(_)) {
        let message = format!("a key must be a word, found {}", node.kind());
        report.add(Issue::error(Code::WrongType, node.place, message));
        return Key::Broken;
    }
    let name = python_str(node);
    match seen.get(&name) {
        Some(first) => {
            report.add(duplicate(&name, *first, node.place));
            Key::Broken
        }
        None => {
            seen.insert(name.clone(), node.place);
            Key::Name(name, node.place)
        }
    }
}

fn duplicate(name: &str, first: Place, second: Place) -> Issue {
    let shown = crate::report::cut(name);
    let message = format!("the key `{shown}` stands here and on line {} already", first.line);
    Issue::error(Code::DuplicateKey, second, message)
        .hint("remove one of the two")
        .related(first, "first given here")
}

fn merge_sources(node: Node, place: Place, merges: &mut Vec<Node>, report: &mut Report<'_>) {
    let mut refuse = |at: Place, kind: &str| {
        let message = format!("`<<` merges mappings, found {kind}");
        report.add(Issue::error(Code::WrongType, at, message).expected("a mapping or a list of mappings"));
    };
    match node.value {
        Value::Map(_) => merges.push(node),
        Value::List(items) => {
            for item in items {
                if matches!(item.value, Value::Map(_)) {
                    merges.push(item)
                } else {
                    refuse(place, item.kind())
                }
            }
        }
        _ => refuse(place, node.kind()),
    }
}

/// Entries of the merged mappings that the mapping does not have itself, then its own; of several
/// sources the first wins.
fn merged(entries: Vec<Entry>, mut seen: HashMap<String, Place>, merges: Vec<Node>) -> Vec<Entry> {
    if merges.is_empty() {
        return entries;
    }
    let mut all = Vec::with_capacity(entries.len());
    let mut taken = HashSet::new();
    seen.remove("<<");
    for source in merges {
        let Value::Map(map) = source.value else { continue };
        for entry in map.entries {
            if !seen.contains_key(&entry.key) && taken.insert(entry.key.clone()) {
                all.push(entry);
            }
        }
    }
    all.extend(entries);
    all
}

/// The value of a scalar: by its tag, as text when quoted, else by its spelling.
fn scalar(text: &str, plain: bool, tag: Option<&Tag>, place: Place) -> Result<Value, Issue> {
    let Some(tag) = tag else {
        return Ok(if plain { resolve_plain(text) } else { Value::Str(text.to_owned()) });
    };
    let bad = |what: &str| {
        let message = format!("the text does not fit its tag: it is not {what}");
        Issue::error(Code::Tag, place, message)
    };
    match standard_tag(tag) {
        // A lone `!` makes any scalar text.
        Some("str" | "") => Ok(Value::Str(text.to_owned())),
        Some("null") => Ok(Value::Null),
        Some("bool") => boolean(text).map(Value::Bool).ok_or_else(|| bad("a boolean")),
        Some("int") => integer(text).ok_or_else(|| bad("an integer")),
        Some("float") => float(text)
            .or_else(|| text.replace('_', "").parse().ok())
            .map(|value| Value::Float(value, text.to_owned()))
            .ok_or_else(|| bad("a number")),
        _ => Err(unsupported(tag, place)),
    }
}

fn collection_tag(tag: Option<&Tag>, known: &[&str], place: Place) -> Result<(), Issue> {
    match tag {
        Some(tag) if !standard_tag(tag).is_some_and(|name| known.contains(&name)) => {
            Err(unsupported(tag, place))
        }
        _ => Ok(()),
    }
}

/// The name of a standard tag: `str` for `!!str`, empty for a lone `!`.
fn standard_tag(tag: &Tag) -> Option<&str> {
    if tag.is_yaml_core_schema() {
        return Some(&tag.suffix);
    }
    let whole_is_bang =
        tag.handle == "!" && tag.suffix.is_empty() || tag.handle.is_empty() && tag.suffix == "!";
    whole_is_bang.then_some("")
}

fn unsupported(tag: &Tag, place: Place) -> Issue {
    let shown = crate::report::cut(&format!("{}{}", tag.handle, tag.suffix));
    Issue::error(Code::Tag, place, format!("the tag `{shown}` is not supported"))
        .expected("a standard tag such as `!!str`, or none")
}
