//! Sentence templates of detection rules: text with `{member.path}` places that facts and attributes fill.
//!
//! Guarantees: a path that facts cannot have is refused at load; an unknown value reads `unknown`. Numbers are written
//! plainly: whole ones without decimals, others with at most two. Non-goals: logic; attributes are CEL.

use serde_json::Value;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// JSON pointer into the object that fills it.
    Place(String),
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace without its partner.
    #[error("template `{0}` has an opening brace that is not closed")]
    Unclosed(String),
    /// A path that leads nowhere.
    #[error("template place `{{{0}}}` names no member of facts and no attribute of the rule")]
    Unknown(String),
}

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`TemplateError::Unclosed`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (path, behind) = after.split_once('}').ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Place(format!("/{}", path.trim().replace('.', "/"))));
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Checks that `sample`, which has every member, has each place.
    ///
    /// # Errors
    /// [`TemplateError::Unknown`].
    pub fn check(&self, sample: &Value) -> Result<(), TemplateError> {
        for piece in &self.0 {
            if let Piece::Place(pointer) = piece
                && sample.pointer(pointer).is_none()
            {
                return Err(TemplateError::Unknown(pointer.trim_start_matches('/').replace('/', ".")));
            }
        }
        Ok(())
    }

    /// The sentence for these values.
    #[must_use]
    pub fn render(&self, values: &Value) -> String {
        let mut sentence = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => sentence.push_str(text),
                Piece::Place(pointer) => sentence.push_str(&plain(values.pointer(pointer).unwrap_or(&Value::Null))),
            }
        }
        sentence
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "unknown".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(n) => {
                let text = format!("{n:.2}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            None => number.to_string(),
        },
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}
