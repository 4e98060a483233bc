//! The model in LightGBM's text format (version 4), for teams that have tools for it.
//!
//! Guarantees: for finite and missing values, LightGBM's own prediction and contributions of the exported model are
//! those of [`Booster`] up to the rounding of sums; `benches/peers/boost_parity.py` checks that.
//!
//! Non-goals: reading the format; weights of leaves, which the model does not keep.

use std::fmt::{Display, Write};

use super::booster::Booster;
use super::objective::Objective;
use super::tree::{Node, Reading, Test, Tree, contains};

/// Bits of LightGBM's decision type: a split by categories; missing values go left; NaN is what is missing.
const CATEGORICAL: u8 = 1;
const MISSING_LEFT: u8 = 2;
const MISSING_IS_NAN: u8 = 8;

/// A number beyond every finite f32, where the threshold is infinite: LightGBM's format has no infinity.
const BEYOND: f64 = 1e39;

impl Booster {
    /// The model as LightGBM's text. `names` are the columns'; where one is absent it is `Column_<index>`, and characters
    /// that LightGBM cannot hold in a name become `_`.
    pub fn to_lightgbm(&self, names: &[String]) -> String {
        let readings = self.readings.iter().enumerate();
        let names = readings.clone().map(|(column, _)| name(names.get(column), column));
        let objective = match self.objective {
            Objective::Logistic => "binary sigmoid:1".to_owned(),
            Objective::Squared => "regression".to_owned(),
            Objective::Quantile { level } => format!("quantile alpha:{level}"),
            Objective::Tweedie { power } => format!("tweedie tweedie_variance_power:{power}"),
        };
        let mut trees: Vec<String> = Vec::new();
        for (index, tree) in self.trees.iter().enumerate() {
            trees.push(self.tree_text(index, tree));
        }
        if trees.is_empty() {
            trees.push(self.tree_text(0, &Tree { nodes: vec![Node::Leaf { value: 0.0, rows: 1 }] }));
        }
        let mut text = format!(
            "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\n\
             objective={objective}\nfeature_names={}\nfeature_infos={}\ntree_sizes={}\n\n",
            self.columns().saturating_sub(1),
            joined(names),
            joined(self.readings.iter().map(info)),
            joined(trees.iter().map(String::len)),
        );
        text.extend(trees);
        text.push_str("end of trees\n\nparameters:\nend of parameters\n\npandas_categorical:null\n");
        text
    }

    /// One tree; the first carries the base.
    fn tree_text(&self, index: usize, tree: &Tree) -> String {
        let base = if index == 0 { self.base } else { 0.0 };
        let mut lines = Lines::default();
        let (mut splits, mut leaves) = (0, 0);
        // LightGBM numbers splits and leaves apart; a leaf as a child is written as the complement of its number.
        let numbers: Vec<i64> = tree
            .nodes
            .iter()
            .map(|node| {
                let next = if matches!(node, Node::Split { .. }) { &mut splits } else { &mut leaves };
                *next += 1;
                if matches!(node, Node::Split { .. }) { *next - 1 } else { -*next }
            })
            .collect();
        let number = |at: usize| numbers.get(at).copied().unwrap_or(-1);
        for (at, node) in tree.nodes.iter().enumerate() {
            match *node {
                Node::Leaf { value, rows } => {
                    lines.leaf_value.push(base + f64::from(value));
                    lines.leaf_count.push(rows);
                }
                Node::Split { column, test, right, gain, rows } => {
                    lines.split_feature.push(column);
                    lines.split_gain.push(gain);
                    lines.left_child.push(number(at + 1));
                    lines.right_child.push(number(right as usize));
                    lines.internal_count.push(rows);
                    lines.internal_value.push(base + tree.mean_below(at));
                    lines.test(test, self.readings.get(column as usize));
                }
            }
        }
        lines.text(index)
    }
}

/// The columns of a tree's table.
#[derive(Default)]
struct Lines {
    split_feature: Vec<u32>,
    split_gain: Vec<f32>,
    threshold: Vec<f64>,
    decision_type: Vec<u8>,
    left_child: Vec<i64>,
    right_child: Vec<i64>,
    leaf_value: Vec<f64>,
    leaf_count: Vec<u32>,
    internal_value: Vec<f64>,
    internal_count: Vec<u32>,
    /// Where each set of categories begins in `category_words`, and where the last one ends.
    category_starts: Vec<usize>,
    category_words: Vec<u32>,
}

impl Lines {
    fn test(&mut self, test: Test, reading: Option<&Reading>) {
        match test {
            Test::AtMost { threshold, missing_left } => {
                self.threshold.push(f64::from(threshold).clamp(-BEYOND, BEYOND));
                self.decision_type.push(MISSING_IS_NAN | if missing_left { MISSING_LEFT } else { 0 });
            }
            Test::In { set } => {
                let start = self.category_words.len();
                self.threshold.push(self.category_starts.len() as f64);
                self.decision_type.push(MISSING_IS_NAN | CATEGORICAL);
                self.category_starts.push(start);
                self.category_words.push(0);
                if let Some(Reading::Categorical(categories)) = reading {
                    for (_, &code) in (0..).zip(&categories.codes).filter(|(bin, _)| contains(&set, *bin)) {
                        let word = start + (code >> 5) as usize;
                        self.category_words.resize(self.category_words.len().max(word + 1), 0);
                        self.category_words[word] |= 1 << (code & 31);
                    }
                }
            }
        }
    }

    fn text(self, index: usize) -> String {
        let sets = self.category_starts.len();
        let mut text = format!("Tree={index}\nnum_leaves={}\nnum_cat={sets}\n", self.leaf_value.len());
        let mut line = |name: &str, values: String| {
            // Writing to a string cannot fail.
            writeln!(text, "{name}={values}").ok();
        };
        line("split_feature", joined(self.split_feature));
        line("split_gain", joined(self.split_gain));
        line("threshold", joined(self.threshold));
        line("decision_type", joined(self.decision_type));
        line("left_child", joined(self.left_child));
        line("right_child", joined(self.right_child));
        line("leaf_value", joined(self.leaf_value));
        line("leaf_count", joined(self.leaf_count));
        line("internal_value", joined(self.internal_value));
        line("internal_count", joined(self.internal_count));
        if sets > 0 {
            let end = self.category_words.len();
            line("cat_boundaries", joined(self.category_starts.into_iter().chain([end])));
            line("cat_threshold", joined(self.category_words));
        }
        line("is_linear", "0".to_owned());
        line("shrinkage", "1".to_owned());
        text.push_str("\n\n");
        text
    }
}

impl Tree {
    /// The mean value of the training rows below a node.
    fn mean_below(&self, at: usize) -> f64 {
        let mut end = at;
        let mut open = 1;
        while let Some(node) = self.nodes.get(end).filter(|_| open > 0) {
            open = if matches!(node, Node::Split { .. }) { open + 1 } else { open - 1 };
            end += 1;
        }
        Tree { nodes: self.nodes.get(at..end).unwrap_or_default().to_vec() }.mean()
    }
}

fn joined<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// A name without white space and without what JSON has a meaning for.
fn name(name: Option<&String>, column: usize) -> String {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => {
            name.chars().map(|c| if c.is_whitespace() || "\",:[]{}=".contains(c) { '_' } else { c }).collect()
        }
        None => format!("Column_{column}"),
    }
}

/// LightGBM's description of a column: the range of its numbers, or its codes.
fn info(reading: &Reading) -> String {
    match reading {
        Reading::Numeric => "[-inf:inf]".to_owned(),
        Reading::Categorical(categories) if categories.codes.is_empty() => "none".to_owned(),
        Reading::Categorical(categories) => categories.codes.iter().map(u32::to_string).collect::<Vec<_>>().join(":"),
    }
}
