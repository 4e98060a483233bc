//! The ledger: every fact that a summary may say, by path, and the only way to say one.
//!
//! Guarantees: a sentence is made from a static template; `{path}` is replaced by the rendering of that fact, which is
//! thereby cited; a template with a fact that is not in the ledger gives no sentence at all. A template with `*` in its
//! paths is said once for each number from 1 that the ledger has.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Fact;
use crate::domain::event::EventRef;

/// A sentence before its facts are numbered.
pub(super) struct Draft {
    pub(super) text: String,
    /// Places in the ledger, in the order of use.
    pub(super) cited: Vec<usize>,
}

struct Entry {
    label: String,
    value: Value,
    rendering: String,
    event: Option<EventRef>,
    path: String,
}

/// Facts by path.
pub(super) struct Ledger {
    entries: Vec<Entry>,
    by_path: BTreeMap<String, usize>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), by_path: BTreeMap::new() }
    }

    /// Enters a fact; the first one under a path stands.
    pub(super) fn put(
        &mut self,
        path: impl Into<String>,
        label: impl Into<String>,
        value: impl Into<Value>,
        rendering: String,
        event: Option<&EventRef>,
    ) {
        let path = path.into();
        if !self.by_path.contains_key(&path) {
            self.by_path.insert(path.clone(), self.entries.len());
            let (label, value) = (label.into(), value.into());
            self.entries.push(Entry { label, value, rendering, event: event.cloned(), path });
        }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// The fact at a place, under its number.
    pub(super) fn fact(&self, at: usize, id: String) -> Fact {
        let Entry { label, value, rendering, event, path } = &self.entries[at];
        Fact {
            id,
            label: label.clone(),
            value: value.clone(),
            rendering: rendering.clone(),
            event: event.clone(),
            path: path.clone(),
        }
    }

    /// The sentences that a template gives: one, one for each number, or none.
    pub(super) fn say(&self, template: &'static str) -> Vec<Draft> {
        if !template.contains('*') {
            return self.fill(template, "").into_iter().collect();
        }
        (1..).map_while(|number: usize| self.fill(template, &number.to_string())).collect()
    }

    fn fill(&self, template: &'static str, number: &str) -> Option<Draft> {
        let mut draft = Draft { text: String::new(), cited: Vec::new() };
        let mut rest = template;
        while let Some((words, tail)) = rest.split_once('{') {
            let (path, after) = tail.split_once('}')?;
            let at = *self.by_path.get(&path.replace('*', number))?;
            draft.text.push_str(words);
            draft.text.push_str(&self.entries[at].rendering);
            if !draft.cited.contains(&at) {
                draft.cited.push(at);
            }
            rest = after;
        }
        draft.text.push_str(rest);
        Some(draft)
    }
}
