//! One tree.

/// What a branch asks of a value that is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Values below this go left.
    Below(f32),
    /// These categories, ascending, go right, all others left.
    NotIn(Vec<u32>),
}

/// Where rows part.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// The feature that is asked for.
    pub feature: u32,
    /// What is asked.
    pub test: Test,
    /// Whether rows whose value is missing go left.
    pub default_left: bool,
    /// The node that rows on the left go to.
    pub left: u32,
    /// The node that rows on the right go to.
    pub right: u32,
}

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The node above; the root has none.
    pub parent: Option<u32>,
    /// Where rows go from here; a leaf has none.
    pub branch: Option<Branch>,
    /// What a leaf adds to the margin of its rows.
    pub value: f32,
    /// By how much its branch lowered the loss.
    pub gain: f32,
    /// The sum of second derivatives of the rows that came here.
    pub cover: f32,
    /// The weight that it would have as a leaf.
    pub weight: f32,
}

/// A tree: nodes, of which the first is the root.
///
/// Of what the root leads to each node is led to once, so that every walk ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    nodes: Vec<Node>,
}

/// Why nodes make no tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreeError {
    /// Without a node there is no root.
    #[error("it has no nodes")]
    Empty,
    /// A number that is no node's.
    #[error("node {node} leads to node {child}, which is not there")]
    NoSuchNode {
        /// Whose child.
        node: u32,
        /// The number.
        child: u32,
    },
    /// Two ways lead to a node, or a circle.
    #[error("more than one way leads to node {0}")]
    NotATree(u32),
    /// A feature that the model has not.
    #[error("node {node} asks for feature {feature}, of {features}")]
    NoSuchFeature {
        /// Which node.
        node: u32,
        /// What it asks for.
        feature: u32,
        /// How many there are.
        features: usize,
    },
    /// A value that no sum can take.
    #[error("node {0} has a value that is not finite")]
    NotFinite(u32),
}

impl Tree {
    /// Checks and takes nodes.
    ///
    /// # Errors
    /// If they are no tree over that many features.
    pub fn new(nodes: Vec<Node>, features: usize) -> Result<Self, TreeError> {
        let mut seen = vec![false; nodes.len()];
        let mut ahead = vec![0_u32];
        *seen.first_mut().ok_or(TreeError::Empty)? = true;
        while let Some(index) = ahead.pop() {
            let node = &nodes[index as usize];
            let Some(branch) = &node.branch else {
                if !node.value.is_finite() {
                    return Err(TreeError::NotFinite(index));
                }
                continue;
            };
            if branch.feature as usize >= features {
                return Err(TreeError::NoSuchFeature { node: index, feature: branch.feature, features });
            }
            for child in [branch.left, branch.right] {
                let seen =
                    seen.get_mut(child as usize).ok_or(TreeError::NoSuchNode { node: index, child })?;
                if std::mem::replace(seen, true) {
                    return Err(TreeError::NotATree(child));
                }
                ahead.push(child);
            }
        }
        Ok(Self { nodes })
    }

    /// What the trainer grew is a tree by the way it was grown.
    pub(crate) fn grown(nodes: Vec<Node>) -> Self {
        Self { nodes }
    }

    pub(crate) fn set_leaf(&mut self, leaf: u32, value: f32) {
        let node = &mut self.nodes[leaf as usize];
        (node.value, node.weight) = (value, value);
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The nodes that the root leads to, each with its depth, left before right.
    pub fn walk(&self) -> impl Iterator<Item = (u32, usize)> {
        let mut ahead = vec![(0, 0)];
        std::iter::from_fn(move || {
            let (index, depth) = ahead.pop()?;
            if let Some(branch) = &self.nodes[index as usize].branch {
                ahead.extend([(branch.right, depth + 1), (branch.left, depth + 1)]);
            }
            Some((index, depth))
        })
    }

    /// The leaf that a row ends in.
    #[must_use]
    pub fn leaf(&self, row: &[f32]) -> u32 {
        let mut index = 0;
        while let Some(branch) = &self.nodes[index as usize].branch {
            let value = row.get(branch.feature as usize).copied().unwrap_or(f32::NAN);
            index = if branch.goes_left(value) { branch.left } else { branch.right };
        }
        index
    }

    /// What a row gets of it.
    #[must_use]
    pub fn value(&self, row: &[f32]) -> f32 {
        self.nodes[self.leaf(row) as usize].value
    }
}

impl Branch {
    /// Whether a row with this value goes left.
    #[must_use]
    pub fn goes_left(&self, value: f32) -> bool {
        if value.is_nan() {
            return self.default_left;
        }
        match &self.test {
            Test::Below(threshold) => value < *threshold,
            Test::NotIn(categories) => among(categories, value).is_none_or(|among| !among),
        }
    }
}

/// Whether a value is one of `categories`; nothing where it is none at all, as a negative one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; negatives are left out"
)]
fn among(categories: &[u32], value: f32) -> Option<bool> {
    (value >= 0.0).then(|| categories.binary_search(&(value as u32)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(value: f32) -> Node {
        Node { parent: None, branch: None, value, gain: 0.0, cover: 0.0, weight: 0.0 }
    }

    fn branch(feature: u32, test: Test, left: u32, right: u32) -> Node {
        Node { branch: Some(Branch { feature, test, default_left: true, left, right }), ..leaf(0.0) }
    }

    #[test]
    fn rows_go_where_they_belong() {
        let nodes = vec![
            branch(0, Test::Below(1.0), 1, 2),
            leaf(-1.0),
            branch(1, Test::NotIn(vec![2, 5]), 3, 4),
            leaf(3.0),
            leaf(4.0),
        ];
        let tree = Tree::new(nodes, 2).unwrap();
        for (row, value) in [
            ([0.5, 0.0], -1.0),
            ([f32::NAN, 2.0], -1.0),
            ([1.0, 2.0], 4.0),
            ([1.0, 5.5], 4.0),
            ([1.0, 3.0], 3.0),
            ([1.0, -7.0], 3.0),
            ([1.0, f32::NAN], 3.0),
        ] {
            assert_eq!(tree.value(&row), value, "{row:?}");
        }
        assert_eq!(tree.walk().collect::<Vec<_>>(), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2)]);
    }

    #[test]
    fn circles_and_strays_are_no_trees() {
        let below = || Test::Below(0.0);
        assert_eq!(Tree::new(vec![], 1), Err(TreeError::Empty));
        assert_eq!(Tree::new(vec![branch(0, below(), 0, 1), leaf(0.0)], 1), Err(TreeError::NotATree(0)));
        assert_eq!(Tree::new(vec![branch(0, below(), 1, 1), leaf(0.0)], 1), Err(TreeError::NotATree(1)));
        let stray = Err(TreeError::NoSuchNode { node: 0, child: 2 });
        assert_eq!(Tree::new(vec![branch(0, below(), 1, 2), leaf(0.0)], 1), stray);
        assert!(matches!(
            Tree::new(vec![branch(1, below(), 1, 2), leaf(0.0), leaf(0.0)], 1),
            Err(TreeError::NoSuchFeature { .. })
        ));
        assert_eq!(Tree::new(vec![leaf(f32::NAN)], 1), Err(TreeError::NotFinite(0)));
    }
}
