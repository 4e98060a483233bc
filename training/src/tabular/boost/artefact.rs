//! The stored model.
//!
//! Purpose: a few bytes per node, without a parser's freedom. All numbers are little-endian:
//!
//! ```text
//! "HFBT"  version u8  objective u8  its parameter f64  base f64
//! columns u32, each: 0 | 1 categories u8, each: code u32
//! trees u32, each its nodes in preorder: 0 value f32 rows varint | 1, 2 column varint gain f32 threshold f32
//!                                        | 3 column varint gain f32 words u8 set u64…
//! ```
//!
//! A tag of 2 sends missing values left. Since a node is followed by its subtrees, no bytes can name a node that is not
//! there or form a circle.
//!
//! Guarantees: the same model gives the same bytes; [`Booster::from_bytes`] answers any bytes with a model that can be
//! scored, explained and exported, or with an error that names the place; it takes memory in proportion to the bytes.
//!
//! Non-goals: a checksum; the artefact's manifest covers every file with SHA-256.

use super::bins::Categories;
use super::booster::Booster;
use super::objective::Objective;
use super::params::{DEPTH_MAX, LEAVES_MAX, TREES_MAX};
use super::tree::{Node, Reading, Test, Tree};

const MAGIC: [u8; 4] = *b"HFBT";
const VERSION: u8 = 1;

/// Bytes are not a stored model of boosted trees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtefactError {
    /// Something else.
    #[error("these are not boosted trees: give the bytes that were stored for this model")]
    Magic,
    /// A later or earlier layout.
    #[error("the boosted trees have format {found} and this program reads {expected}: train them with this version")]
    Version {
        /// Stored.
        found: u8,
        /// Readable.
        expected: u8,
    },
    /// Too few bytes.
    #[error("the boosted trees end at byte {at} within {what}: restore the file")]
    Truncated {
        /// Where more was expected.
        at: usize,
        /// What was being read.
        what: &'static str,
    },
    /// A value that no model has.
    #[error("the boosted trees are damaged at byte {at} ({what}): restore the file")]
    Damaged {
        /// Where.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
}

impl Booster {
    /// The model as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(MAGIC);
        out.push(VERSION);
        let (tag, parameter) = match self.objective {
            Objective::Logistic => (0, 0.0),
            Objective::Squared => (1, 0.0),
            Objective::Quantile { level } => (2, level),
            Objective::Tweedie { power } => (3, power),
        };
        out.push(tag);
        out.extend(f64::to_le_bytes(parameter));
        out.extend(self.base.to_le_bytes());
        out.extend((self.readings.len() as u32).to_le_bytes());
        for reading in &self.readings {
            match reading {
                Reading::Numeric => out.push(0),
                Reading::Categorical(categories) => {
                    out.extend([1, categories.codes.len() as u8]);
                    out.extend(categories.codes.iter().flat_map(|code| code.to_le_bytes()));
                }
            }
        }
        out.extend((self.trees.len() as u32).to_le_bytes());
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            write_node(node, &mut out);
        }
        out
    }

    /// Reads what [`Booster::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ArtefactError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Booster, ArtefactError> {
        let mut reader = Reader { bytes, at: 0 };
        if reader.take::<4>("the name") != Ok(MAGIC) {
            return Err(ArtefactError::Magic);
        }
        let found = reader.u8("the version")?;
        if found != VERSION {
            return Err(ArtefactError::Version { found, expected: VERSION });
        }
        let objective = reader.objective()?;
        let base = f64::from_le_bytes(reader.take("the base")?);
        if !base.is_finite() {
            return Err(reader.damaged("a base that is not finite"));
        }
        let mut readings = Vec::new();
        for _ in 0..reader.u32("the number of columns")? {
            readings.push(reader.reading()?);
        }
        let count = reader.u32("the number of trees")?;
        if count as usize > TREES_MAX {
            return Err(reader.damaged("too many trees"));
        }
        let mut trees = Vec::new();
        for _ in 0..count {
            trees.push(reader.tree(&readings)?);
        }
        if reader.at != bytes.len() {
            return Err(reader.damaged("bytes after the last tree"));
        }
        let mut booster = Booster { objective, base, readings, trees, forest: None };
        booster.compile();
        Ok(booster)
    }
}

fn write_node(node: &Node, out: &mut Vec<u8>) {
    match *node {
        Node::Leaf { value, rows } => {
            out.push(0);
            out.extend(value.to_le_bytes());
            write_varint(rows, out);
        }
        Node::Split { column, test, gain, .. } => {
            out.push(match test {
                Test::AtMost { missing_left, .. } => 1 + u8::from(missing_left),
                Test::In { .. } => 3,
            });
            write_varint(column, out);
            out.extend(gain.to_le_bytes());
            match test {
                Test::AtMost { threshold, .. } => out.extend(threshold.to_le_bytes()),
                Test::In { set } => {
                    let words = set.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
                    out.push(words as u8);
                    out.extend(set.iter().take(words).flat_map(|word| word.to_le_bytes()));
                }
            }
        }
    }
}

/// Seven bits a byte, the low ones first; the top bit says that more follow.
fn write_varint(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn damaged(&self, what: &'static str) -> ArtefactError {
        ArtefactError::Damaged { at: self.at, what }
    }

    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ArtefactError> {
        let found = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let found = *found.ok_or(ArtefactError::Truncated { at: self.bytes.len(), what })?;
        self.at += N;
        Ok(found)
    }

    fn u8(&mut self, what: &'static str) -> Result<u8, ArtefactError> {
        self.take::<1>(what).map(|[byte]| byte)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, ArtefactError> {
        self.take(what).map(u32::from_le_bytes)
    }

    /// A number that is no NaN.
    fn f32(&mut self, what: &'static str) -> Result<f32, ArtefactError> {
        let value = self.take(what).map(f32::from_le_bytes)?;
        if value.is_nan() { Err(self.damaged("NaN")) } else { Ok(value) }
    }

    fn finite(&mut self, what: &'static str) -> Result<f32, ArtefactError> {
        let value = self.f32(what)?;
        if value.is_finite() { Ok(value) } else { Err(self.damaged("infinity")) }
    }

    fn varint(&mut self, what: &'static str) -> Result<u32, ArtefactError> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.u8(what)?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| self.damaged("a number beyond 32 bits"));
            }
        }
        Err(self.damaged("a number without an end"))
    }

    fn objective(&mut self) -> Result<Objective, ArtefactError> {
        let tag = self.u8("the objective")?;
        let parameter = f64::from_le_bytes(self.take("the objective")?);
        let objective = match tag {
            0 => Objective::Logistic,
            1 => Objective::Squared,
            2 => Objective::Quantile { level: parameter },
            3 => Objective::Tweedie { power: parameter },
            _ => return Err(self.damaged("an unknown objective")),
        };
        objective.check().map_err(|_| self.damaged("the objective's parameter"))?;
        Ok(objective)
    }

    fn reading(&mut self) -> Result<Reading, ArtefactError> {
        match self.u8("a column")? {
            0 => Ok(Reading::Numeric),
            1 => {
                let mut codes = Vec::new();
                for _ in 0..self.u8("the number of categories")? {
                    codes.push(self.u32("a category")?);
                }
                let damaged = self.damaged("a category twice, or too great");
                Categories::new(codes).map(Reading::Categorical).ok_or(damaged)
            }
            _ => Err(self.damaged("an unknown kind of column")),
        }
    }

    fn tree(&mut self, readings: &[Reading]) -> Result<Tree, ArtefactError> {
        let mut nodes: Vec<Node> = Vec::new();
        // Subtrees to come: depth, and the split whose right one it is.
        let mut open: Vec<(usize, Option<usize>)> = vec![(0, None)];
        while let Some((depth, parent)) = open.pop() {
            let at = nodes.len();
            if depth > DEPTH_MAX || at >= 2 * LEAVES_MAX {
                return Err(self.damaged("a tree that is too large"));
            }
            if let Some(Node::Split { right, .. }) = parent.and_then(|parent| nodes.get_mut(parent)) {
                *right = at as u32;
            }
            let node = self.node(readings)?;
            if let Node::Split { .. } = node {
                open.extend([(depth + 1, Some(at)), (depth + 1, None)]);
            }
            nodes.push(node);
        }
        Tree { nodes }.count().ok_or(self.damaged("more rows than 32 bits can count"))
    }

    fn node(&mut self, readings: &[Reading]) -> Result<Node, ArtefactError> {
        let tag = self.u8("a node")?;
        if tag == 0 {
            let (value, rows) = (self.finite("a leaf's value")?, self.varint("a leaf's rows")?);
            return if rows == 0 { Err(self.damaged("a leaf without rows")) } else { Ok(Node::Leaf { value, rows }) };
        }
        let column = self.varint("a split's column")?;
        let gain = self.finite("a split's gain")?;
        let test = match (tag, readings.get(column as usize)) {
            (1 | 2, Some(Reading::Numeric)) => {
                Test::AtMost { threshold: self.f32("a threshold")?, missing_left: tag == 2 }
            }
            (3, Some(Reading::Categorical(categories))) => self.set(categories)?,
            _ => return Err(self.damaged("a split that does not fit its column")),
        };
        Ok(Node::Split { column, test, right: 0, gain, rows: 0 })
    }

    fn set(&mut self, categories: &Categories) -> Result<Test, ArtefactError> {
        let mut set = [0; 4];
        let words = self.u8("a set")? as usize;
        for word in set.get_mut(..words).ok_or(self.damaged("a set that is too long"))? {
            *word = u64::from_le_bytes(self.take("a set")?);
        }
        let bins = categories.codes.len();
        let beyond = (0..4).any(|word| {
            let known = bins.saturating_sub(64 * word).min(64);
            known < 64 && set[word] >> known != 0
        });
        if beyond { Err(self.damaged("a category without a code")) } else { Ok(Test::In { set }) }
    }
}
