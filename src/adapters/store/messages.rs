//! Messages, what they are attached to, and corrections.

use async_trait::async_trait;
use jiff::Timestamp;

use super::Tx;
use super::sql::{Argument, Row, Sql, json};
use crate::domain::ids::{CaseId, MessageId};
use crate::domain::message::{Correction, Link, LinkCandidate, Message};
use crate::ports::language::Embedding;
use crate::ports::store::StoreError;
use crate::ports::store::messages::Messages;

#[async_trait]
impl Messages for Tx {
    async fn insert_message(&mut self, message: &Message) -> Result<(), StoreError> {
        Sql::new(
            "messages",
            "INSERT INTO messages (id, mail_id, received_at, attached, version, document) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(message.id.to_string())
        .bind(message.content.as_written().message_id.as_deref())
        .bind(message.received_at)
        .bind(!attached(message).is_empty())
        .bind(message.version)
        .bind(json("messages", message)?)
        .run(self)
        .await?;
        link(self, message).await
    }

    async fn message(&mut self, id: MessageId) -> Result<Option<Message>, StoreError> {
        let sql = Sql::new("messages", "SELECT id, document FROM messages WHERE id = $1");
        sql.bind(id.to_string()).document(self).await
    }

    async fn update_message(&mut self, message: &Message) -> Result<Message, StoreError> {
        let next = Message { version: message.version + 1, ..message.clone() };
        let key = message.id.to_string();
        Sql::new(
            "messages",
            "UPDATE messages SET attached = $1, version = $2, document = $3 WHERE id = $4 AND version = $5",
        )
        .bind(!attached(&next).is_empty())
        .bind(next.version)
        .bind(json("messages", &next)?)
        .bind(&key)
        .bind(message.version)
        .run_or_conflict(self, &key)
        .await?;
        Sql::new("message_links", "DELETE FROM message_links WHERE message_id = $1").bind(key).run(self).await?;
        link(self, &next).await?;
        Ok(next)
    }

    async fn messages_of_order(&mut self, order_id: &str) -> Result<Vec<Message>, StoreError> {
        Sql::new(
            "messages",
            "SELECT id, document FROM messages \
             WHERE id IN (SELECT message_id FROM message_links WHERE order_id = $1) ORDER BY received_at, id",
        )
        .bind(order_id)
        .documents(self)
        .await
    }

    async fn messages_of_case(&mut self, case_id: CaseId) -> Result<Vec<Message>, StoreError> {
        Sql::new(
            "messages",
            "SELECT id, document FROM messages \
             WHERE id IN (SELECT message_id FROM message_links WHERE case_id = $1) ORDER BY received_at, id",
        )
        .bind(case_id.to_string())
        .documents(self)
        .await
    }

    async fn message_by_mail_id(&mut self, mail_id: &str) -> Result<Option<Message>, StoreError> {
        Sql::new("messages", "SELECT id, document FROM messages WHERE mail_id = $1 ORDER BY id LIMIT 1")
            .bind(mail_id)
            .document(self)
            .await
    }

    async fn list_messages(
        &mut self,
        attached: Option<bool>,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        Sql::new("messages", "SELECT id, document FROM messages WHERE 1 = 1")
            .when(" AND attached = ", attached)
            .when(" AND id < ", before.map(|id| id.to_string()))
            .with(" ORDER BY id DESC LIMIT ", limit)
            .documents(self)
            .await
    }

    async fn put_embedding(&mut self, id: MessageId, embedding: &Embedding) -> Result<(), StoreError> {
        let bytes: Vec<u8> = embedding.vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        Sql::new(
            "message_embeddings",
            "INSERT INTO message_embeddings (message_id, encoder, vector) VALUES ($1, $2, $3) \
             ON CONFLICT (message_id) DO UPDATE SET encoder = excluded.encoder, vector = excluded.vector",
        )
        .bind(id.to_string())
        .bind(&embedding.encoder)
        .bind(bytes)
        .run(self)
        .await?;
        Ok(())
    }

    async fn embedded_messages(
        &mut self,
        encoder: &str,
        corrected: bool,
        limit: u32,
    ) -> Result<Vec<(Message, Vec<f32>)>, StoreError> {
        let sql = Sql::new(
            "message_embeddings",
            "SELECT m.id, m.document, e.vector FROM message_embeddings e JOIN messages m ON m.id = e.message_id \
             WHERE e.encoder = $1 AND ",
        );
        let sql = sql.bind(encoder).push(if corrected { "" } else { "NOT " });
        let sql = sql.push("EXISTS (SELECT 1 FROM corrections c WHERE c.message_id = m.id)");
        let numbers = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let pair = |row: &Row| Ok((row.document(1)?, numbers(&row.bytes(2)?)));
        sql.with(" ORDER BY m.id DESC LIMIT ", limit).rows(self).await?.iter().map(pair).collect()
    }

    async fn insert_correction(
        &mut self,
        id: MessageId,
        correction: &Correction,
        by: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        Sql::new(
            "corrections",
            "INSERT INTO corrections (seq, message_id, made_by, made_at, document) \
             SELECT COALESCE(MAX(seq), 0) + 1, $1, $2, $3, $4 FROM corrections",
        )
        .bind(id.to_string())
        .bind(by)
        .bind(at)
        .bind(json("corrections", correction)?)
        .run(self)
        .await?;
        Ok(())
    }

    async fn corrections(&mut self) -> Result<Vec<(Message, Correction)>, StoreError> {
        let sql = Sql::new(
            "corrections",
            "SELECT c.seq, m.document, c.document FROM corrections c JOIN messages m ON m.id = c.message_id \
             ORDER BY c.seq",
        );
        let pair = |row: &Row| Ok((row.document(1)?, row.document(2)?));
        sql.rows(self).await?.iter().map(pair).collect()
    }
}

/// What a message is attached to: one order, or several for a supplier's message; none for mere candidates.
fn attached(message: &Message) -> Vec<&LinkCandidate> {
    match message.reading.as_ref().map(|r| &r.link) {
        Some(Link::Attached { to, also, .. }) => std::iter::once(to).chain(also).collect(),
        _ => Vec::new(),
    }
}

async fn link(tx: &mut Tx, message: &Message) -> Result<(), StoreError> {
    let links = attached(message);
    if links.is_empty() {
        return Ok(());
    }
    let rows = links.into_iter().map(|to| {
        let case_id = to.case_id.map(|id| id.to_string());
        [Argument::from(message.id.to_string()), Argument::from(&to.order_id), Argument::from(case_id)]
    });
    Sql::new("message_links", "INSERT INTO message_links (message_id, order_id, case_id) VALUES ")
        .tuples("", rows)
        .push(" ON CONFLICT (message_id, order_id) DO NOTHING")
        .run(tx)
        .await?;
    Ok(())
}
