//! Trees in words and as graphs.

use crate::model::Model;
use crate::tree::{Branch, Test, Tree};
use std::fmt::Write;

impl Model {
    /// A tree as lines, each indented by its depth, in the form of XGBoost's own dumps; nothing where there is no such tree.
    #[must_use]
    pub fn tree_text(&self, tree: usize) -> Option<String> {
        let tree = &self.trees.get(tree)?.tree;
        let mut text = String::new();
        for (index, depth) in tree.walk() {
            let node = &tree.nodes()[index as usize];
            let indent = "\t".repeat(depth);
            // Writing to a string cannot fail.
            let _ = match &node.branch {
                None => writeln!(text, "{indent}{index}:leaf={},cover={}", node.value, node.cover),
                Some(branch) => {
                    let (left, right) = (branch.left, branch.right);
                    let missing = if branch.default_left { left } else { right };
                    let (yes, no) =
                        if matches!(branch.test, Test::Below(_)) { (left, right) } else { (right, left) };
                    let (asks, gain, cover) = (self.question(branch), node.gain, node.cover);
                    writeln!(
                        text,
                        "{indent}{index}:[{asks}] yes={yes},no={no},missing={missing},gain={gain},cover={cover}"
                    )
                }
            };
        }
        Some(text)
    }

    /// A tree as a graph for Graphviz; nothing where there is no such tree.
    #[must_use]
    pub fn tree_dot(&self, tree: usize) -> Option<String> {
        let tree = &self.trees.get(tree)?.tree;
        let mut text = "digraph {\n  node [shape=box]\n".to_owned();
        for (index, _) in tree.walk() {
            self.node_dot(tree, index, &mut text);
        }
        text.push_str("}\n");
        Some(text)
    }

    fn node_dot(&self, tree: &Tree, index: u32, text: &mut String) {
        let node = &tree.nodes()[index as usize];
        let Some(branch) = &node.branch else {
            let _ = writeln!(text, "  {index} [label=\"{}\", style=rounded]", node.value);
            return;
        };
        let label = quoted(&self.question(branch));
        let _ = writeln!(text, "  {index} [label={label}]");
        let on_yes = matches!(branch.test, Test::Below(_));
        for (child, is_left) in [(branch.left, true), (branch.right, false)] {
            let answer = if is_left == on_yes { "yes" } else { "no" };
            let missing = if is_left == branch.default_left { ", missing" } else { "" };
            let _ = writeln!(text, "  {index} -> {child} [label=\"{answer}{missing}\"]");
        }
    }

    /// What a branch asks: yes is left for numbers, and right for categories.
    fn question(&self, branch: &Branch) -> String {
        let name = self.feature_name(branch.feature as usize);
        match &branch.test {
            Test::Below(threshold) => format!("{name}<{threshold}"),
            Test::NotIn(categories) => {
                let list: Vec<String> = categories.iter().map(u32::to_string).collect();
                format!("{name}:{{{}}}", list.join(","))
            }
        }
    }
}

/// A text as Graphviz takes it.
fn quoted(text: &str) -> String {
    let safe = text.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ");
    format!("\"{safe}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let text = r#"{"learner":{"attributes":{},"feature_names":["a","b\"\n"],"feature_types":["q","c"],
            "gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},
            "iteration_indptr":[0,1],"tree_info":[0],"trees":[{"base_weights":[0.0,0.5,1.0,-1.0,2.0],
            "categories":[1,3],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[2],
            "default_left":[0,1,0,0,0],"id":0,"left_children":[1,3,-1,-1,-1],"loss_changes":[9.0,4.0,0.0,0.0,0.0],
            "parents":[2147483647,0,0,1,1],"right_children":[2,4,-1,-1,-1],"split_conditions":[1.5,NaN,1.0,-1.0,2.0],
            "split_indices":[0,1,0,0,0],"split_type":[0,1,0,0,0],"sum_hessian":[6.0,4.0,2.0,1.0,3.0],
            "tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"5","size_leaf_vector":"1"}}]},"name":"gbtree"},
            "learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2","num_target":"1"},
            "objective":{"name":"reg:squarederror"}},"version":[1,7,6]}"#;
        Model::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn trees_are_told_as_lines() {
        let text = "0:[a<1.5] yes=1,no=2,missing=2,gain=9,cover=6\n\
            \t1:[b\"\n:{1,3}] yes=4,no=3,missing=3,gain=4,cover=4\n\
            \t\t3:leaf=-1,cover=1\n\t\t4:leaf=2,cover=3\n\t2:leaf=1,cover=2\n";
        assert_eq!(model().tree_text(0).unwrap(), text);
        assert_eq!(model().tree_text(1), None);
    }

    #[test]
    fn names_of_features_break_no_graph() {
        let dot = model().tree_dot(0).unwrap();
        assert!(dot.contains("1 [label=\"b\\\" :{1,3}\"]\n"), "{dot}");
        assert!(
            dot.contains("1 -> 4 [label=\"yes\"]") && dot.contains("1 -> 3 [label=\"no, missing\"]"),
            "{dot}"
        );
    }
}
