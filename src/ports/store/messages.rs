//! Messages, their links and corrections.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::domain::ids::{CaseId, MessageId};
use crate::domain::message::{Correction, Message};
use crate::ports::language::Embedding;

/// Messages.
#[async_trait]
pub trait Messages {
    /// Inserts a message (version 1).
    async fn insert_message(&mut self, message: &Message) -> Result<(), StoreError>;

    /// One message.
    async fn message(&mut self, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// Writes a message where the version still is `message.version`; its attached order and case are indexed. Returns it
    /// with the raised version.
    async fn update_message(&mut self, message: &Message) -> Result<Message, StoreError>;

    /// Messages attached to an order, oldest first.
    async fn messages_of_order(&mut self, order_id: &str) -> Result<Vec<Message>, StoreError>;

    /// Messages attached to a case, oldest first.
    async fn messages_of_case(&mut self, case_id: CaseId) -> Result<Vec<Message>, StoreError>;

    /// The message with this mail Message-ID.
    async fn message_by_mail_id(&mut self, mail_id: &str) -> Result<Option<Message>, StoreError>;

    /// Newest first, from before `before`; `attached`: only those with (or without) an order.
    async fn list_messages(
        &mut self,
        attached: Option<bool>,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError>;

    /// Keeps what an encoder made of a message, in place of what one made before.
    async fn put_embedding(&mut self, id: MessageId, embedding: &Embedding) -> Result<(), StoreError>;

    /// Messages with the vectors that `encoder` (`name/version`) made of them, newest first; only those that a person
    /// corrected, or only those that nobody did.
    async fn embedded_messages(
        &mut self,
        encoder: &str,
        corrected: bool,
        limit: u32,
    ) -> Result<Vec<(Message, Vec<f32>)>, StoreError>;

    /// Keeps a correction as a labelled example.
    async fn insert_correction(
        &mut self,
        id: MessageId,
        correction: &Correction,
        by: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Every correction with its message, oldest first.
    async fn corrections(&mut self) -> Result<Vec<(Message, Correction)>, StoreError>;
}
