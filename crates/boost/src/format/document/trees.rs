//! A tree as lists, one for each thing that its nodes have.

use super::{ModelError, NO_PARENT, field};
use crate::format::{Numbers, Value};
use crate::tree::{Branch, Node, Test, Tree};

/// No child.
const NONE: i32 = -1;

#[expect(clippy::cast_possible_wrap, reason = "fewer than 2^31 nodes")]
pub(super) fn value(id: usize, tree: &Tree, features: usize) -> Value {
    let nodes = tree.nodes();
    let branch = |node: &Node, of: fn(&Branch) -> i32, none: i32| node.branch.as_ref().map_or(none, of);
    let f32s = |of: fn(&Node) -> f32| Value::Numbers(Numbers::F32(nodes.iter().map(of).collect()));
    let i32s = |of: &dyn Fn(&Node) -> i32| Value::Numbers(Numbers::I32(nodes.iter().map(of).collect()));
    let u8s = |of: &dyn Fn(&Node) -> bool| {
        Value::Numbers(Numbers::U8(nodes.iter().map(|node| u8::from(of(node))).collect()))
    };
    let [categories, of_nodes, segments, sizes] = categories(nodes);
    let parameters = Value::settings([
        ("num_deleted", "0".to_owned()),
        ("num_feature", features.to_string()),
        ("num_nodes", nodes.len().to_string()),
        ("size_leaf_vector", "1".to_owned()),
    ]);
    Value::map([
        ("base_weights", f32s(|node| node.weight)),
        ("categories", categories),
        ("categories_nodes", of_nodes),
        ("categories_segments", segments),
        ("categories_sizes", sizes),
        ("default_left", u8s(&|node| node.branch.as_ref().is_some_and(|branch| branch.default_left))),
        ("id", Value::Integer(id as i64)),
        ("left_children", i32s(&|node| branch(node, |branch| branch.left as i32, NONE))),
        ("loss_changes", f32s(|node| node.gain)),
        ("parents", i32s(&|node| node.parent.map_or(NO_PARENT, |parent| parent as i32))),
        ("right_children", i32s(&|node| branch(node, |branch| branch.right as i32, NONE))),
        ("split_conditions", f32s(condition)),
        ("split_indices", i32s(&|node| branch(node, |branch| branch.feature as i32, 0))),
        ("split_type", u8s(&|node| matches!(test(node), Some(Test::NotIn(_))))),
        ("sum_hessian", f32s(|node| node.cover)),
        ("tree_param", parameters),
    ])
}

fn test(node: &Node) -> Option<&Test> {
    node.branch.as_ref().map(|branch| &branch.test)
}

fn condition(node: &Node) -> f32 {
    match test(node) {
        None => node.value,
        Some(Test::Below(threshold)) => *threshold,
        Some(Test::NotIn(_)) => f32::NAN,
    }
}

/// All categories one after the other; which nodes have some; where those of each begin, and how many they are.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "fewer than 2^31 nodes")]
fn categories(nodes: &[Node]) -> [Value; 4] {
    let (mut all, mut of_nodes, mut segments, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, node) in nodes.iter().enumerate() {
        let Some(Test::NotIn(own)) = test(node) else { continue };
        of_nodes.push(index as i32);
        segments.push(all.len() as i64);
        sizes.push(own.len() as i64);
        all.extend(own.iter().map(|category| *category as i32));
    }
    [
        Value::Numbers(Numbers::I32(all)),
        Value::Numbers(Numbers::I32(of_nodes)),
        Value::Numbers(Numbers::I64(segments)),
        Value::Numbers(Numbers::I64(sizes)),
    ]
}

/// The lists of a tree, all of one length.
struct Lists {
    left: Vec<f64>,
    right: Vec<f64>,
    parents: Vec<f64>,
    features: Vec<f64>,
    conditions: Vec<f64>,
    default_left: Vec<f64>,
    gains: Vec<f64>,
    covers: Vec<f64>,
    weights: Vec<f64>,
    /// Of each node with a category split its categories.
    categories: Vec<Option<Vec<u32>>>,
}

pub(super) fn tree(value: &Value, id: usize, features: usize) -> Result<Tree, ModelError> {
    let size = value.get("tree_param").and_then(|param| param.get("size_leaf_vector")).and_then(Value::text);
    if size.is_some_and(|size| !matches!(size, "0" | "1")) {
        return Err(ModelError::Unsupported(
            "a tree whose leaves are vectors (multi_output_tree)".to_owned(),
        ));
    }
    let lists = Lists::read(value)?;
    let nodes = (0..lists.left.len()).map(|index| lists.node(index)).collect::<Result<Vec<_>, _>>()?;
    Tree::new(nodes, features).map_err(|reason| ModelError::Tree { tree: id, reason })
}

impl Lists {
    fn read(value: &Value) -> Result<Self, ModelError> {
        let list = |name: &str| value.get(name).and_then(Value::numbers).ok_or_else(|| field(name));
        let left = list("left_children")?;
        let same = |name: &str| {
            let list = list(name)?;
            if list.len() == left.len() { Ok(list) } else { Err(ModelError::Length(name.to_owned())) }
        };
        Ok(Self {
            right: same("right_children")?,
            parents: same("parents")?,
            features: same("split_indices")?,
            conditions: same("split_conditions")?,
            default_left: same("default_left")?,
            gains: same("loss_changes")?,
            covers: same("sum_hessian")?,
            weights: same("base_weights")?,
            categories: own_categories(value, left.len())?,
            left,
        })
    }

    fn node(&self, index: usize) -> Result<Node, ModelError> {
        let child = |list: &[f64], name: &str| -> Result<Option<u32>, ModelError> {
            let number = list[index];
            if number == f64::from(NONE) {
                Ok(None)
            } else {
                whole(number).map(Some).ok_or_else(|| field(name))
            }
        };
        let condition = single(self.conditions[index]);
        let children = (child(&self.left, "left_children")?, child(&self.right, "right_children")?);
        let branch = match children {
            (Some(left), Some(right)) => Some(Branch {
                feature: whole(self.features[index]).ok_or_else(|| field("split_indices"))?,
                test: self.test(index, condition)?,
                default_left: self.default_left[index] != 0.0,
                left,
                right,
            }),
            (None, None) => None,
            _ => return Err(field("left_children")),
        };
        let value = if branch.is_some() { 0.0 } else { condition };
        Ok(Node {
            parent: whole(self.parents[index]).filter(|parent| *parent < NO_PARENT as u32),
            branch,
            value,
            gain: single(self.gains[index]),
            cover: single(self.covers[index]),
            weight: single(self.weights[index]),
        })
    }

    fn test(&self, index: usize, condition: f32) -> Result<Test, ModelError> {
        match &self.categories[index] {
            Some(categories) => Ok(Test::NotIn(categories.clone())),
            None if condition.is_nan() => Err(field("split_conditions")),
            None => Ok(Test::Below(condition)),
        }
    }
}

/// Categories by node. Models from before there were any have none of the lists.
fn own_categories(value: &Value, nodes: usize) -> Result<Vec<Option<Vec<u32>>>, ModelError> {
    let list = |name: &str| match value.get(name) {
        None => Ok(Vec::new()),
        Some(list) => list.numbers().ok_or_else(|| field(name)),
    };
    let types = list("split_type")?;
    let (all, of_nodes) = (list("categories")?, list("categories_nodes")?);
    let (segments, sizes) = (list("categories_segments")?, list("categories_sizes")?);
    if segments.len() != of_nodes.len() || sizes.len() != of_nodes.len() {
        return Err(ModelError::Length("categories_segments".to_owned()));
    }
    let mut categories: Vec<Option<Vec<u32>>> = vec![None; nodes];
    // Segments do not overlap, so that what they are copied to is no larger than the file.
    let mut end = 0;
    for ((node, start), size) in of_nodes.iter().zip(&segments).zip(&sizes) {
        let place = |number: f64| whole(number).map(|number| number as usize);
        let range =
            place(*start).zip(place(*size)).and_then(|(start, size)| Some(start..start.checked_add(size)?));
        let range = range.filter(|range| range.start >= end).ok_or_else(|| field("categories_segments"))?;
        end = range.end;
        let own = all.get(range).ok_or_else(|| field("categories"))?;
        let mut own =
            own.iter().map(|c| whole(*c)).collect::<Option<Vec<_>>>().ok_or_else(|| field("categories"))?;
        own.sort_unstable();
        own.dedup();
        let slot = place(*node)
            .and_then(|node| categories.get_mut(node))
            .ok_or_else(|| field("categories_nodes"))?;
        *slot = Some(own);
    }
    if types.iter().zip(&categories).any(|(kind, categories)| *kind == 1.0 && categories.is_none()) {
        return Err(field("categories_nodes"));
    }
    Ok(categories)
}

/// A number that is a whole one from 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "compared with what it came from"
)]
fn whole(number: f64) -> Option<u32> {
    let whole = number as u32;
    (f64::from(whole) == number).then_some(whole)
}

#[expect(clippy::cast_possible_truncation, reason = "they were written from single precision")]
fn single(number: f64) -> f32 {
    number as f32
}
