//! What somebody outside wrote, kept apart by its type from what the service may decide with.
//!
//! Guarantees: an [`Untrusted`] value is no `T`: nothing converts, dereferences or displays it (its JSON and `Debug` are for the
//! store, the API and logs), and no expression of a rule, a guard or a parameter can be given it
//! (`flow::expression::Canonical`). The one way to the text is [`Untrusted::as_written`], which may be named only where text is
//! read or shown, and in `flow::decide::prefill`, which lets a person pick a bounded value out of a quote
//! (`tests/it/tidy.rs`). Non-goals: judging whether a text is true; hiding it from people.
//!
//! ```compile_fail
//! use holdfast::domain::{message::Message, payload::MessageReceived};
//! fn text(message: Message) -> MessageReceived {
//!     message.content // what came in is not what may be used
//! }
//! ```

use serde::{Deserialize, Serialize};

/// A value that came out of a message: its text, its names, or what was read in them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted<T>(T);

impl<T> Untrusted<T> {
    /// Marks a value as written by somebody outside.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value as it was written, to read it or to show it as a quote.
    #[must_use]
    pub fn as_written(&self) -> &T {
        &self.0
    }
}
