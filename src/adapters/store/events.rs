//! The event log and the dead letters.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Tx;
use super::sql::{Row, Sql, json};
use crate::domain::event::{Event, EventRef};
use crate::domain::ids::DeadLetterId;
use crate::domain::party::ObjectKind;
use crate::domain::payload::Payload;
use crate::ports::store::StoreError;
use crate::ports::store::events::{DeadLetter, DeadLetterStatus, Events, Recorded};

/// An event as stored, beside its identity; the times are texts in full precision, because folding sorts by them.
#[derive(Serialize)]
struct Written<'a> {
    time: Timestamp,
    recorded: Timestamp,
    payload: &'a Payload,
}

#[derive(Deserialize)]
struct Stored {
    time: Timestamp,
    recorded: Timestamp,
    payload: Payload,
}

#[async_trait]
impl Events for Tx {
    async fn record_event(
        &mut self,
        event: &Event,
        digest: &str,
        object: (ObjectKind, &str),
    ) -> Result<Recorded, StoreError> {
        let EventRef { source, id } = &event.reference;
        let document = Written { time: event.time, recorded: event.recorded, payload: &event.payload };
        let inserted = Sql::new(
            "events",
            "INSERT INTO events (source, id, digest, object_kind, object_key, document) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source, id) DO NOTHING",
        )
        .bind(source)
        .bind(id)
        .bind(digest)
        .bind(object.0.name())
        .bind(object.1)
        .bind(json("events", &document)?)
        .run(self)
        .await?;
        if inserted == 1 {
            return Ok(Recorded::New);
        }
        let known = Sql::new("events", "SELECT digest FROM events WHERE source = $1 AND id = $2").bind(source).bind(id);
        let known =
            known.row(self).await?.ok_or_else(|| StoreError::Conflict(format!("event `{}`", event.reference)))?;
        let recorded = known.text(0)?;
        Ok(if recorded == digest { Recorded::Replay } else { Recorded::Conflict { recorded } })
    }

    async fn events_of(&mut self, kind: ObjectKind, key: &str) -> Result<Vec<Event>, StoreError> {
        let sql =
            Sql::new("events", "SELECT id, source, document FROM events WHERE object_kind = $1 AND object_key = $2");
        sql.bind(kind.name()).bind(key).rows(self).await?.iter().map(event).collect()
    }

    async fn event(&mut self, reference: &EventRef) -> Result<Option<Event>, StoreError> {
        let sql = Sql::new("events", "SELECT id, source, document FROM events WHERE source = $1 AND id = $2");
        sql.bind(&reference.source).bind(&reference.id).row(self).await?.as_ref().map(event).transpose()
    }

    async fn count_events(&mut self) -> Result<i64, StoreError> {
        Sql::new("events", "SELECT COUNT(*) FROM events").count(self).await
    }

    async fn insert_dead_letter(&mut self, letter: &DeadLetter) -> Result<(), StoreError> {
        Sql::new("dead_letters", "INSERT INTO dead_letters (id, status, version, document) VALUES ($1, $2, $3, $4)")
            .bind(letter.id.to_string())
            .bind(status_column(letter.status))
            .bind(letter.version)
            .bind(json("dead_letters", letter)?)
            .run(self)
            .await?;
        Ok(())
    }

    async fn dead_letter(&mut self, id: DeadLetterId) -> Result<Option<DeadLetter>, StoreError> {
        let sql = Sql::new("dead_letters", "SELECT id, document FROM dead_letters WHERE id = $1");
        sql.bind(id.to_string()).document(self).await
    }

    async fn dead_letters(
        &mut self,
        status: Option<DeadLetterStatus>,
        before: Option<DeadLetterId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        Sql::new("dead_letters", "SELECT id, document FROM dead_letters WHERE 1 = 1")
            .when(" AND status = ", status.map(status_column))
            .when(" AND id < ", before.map(|id| id.to_string()))
            .with(" ORDER BY id DESC LIMIT ", limit)
            .documents(self)
            .await
    }

    async fn update_dead_letter(&mut self, letter: &DeadLetter) -> Result<(), StoreError> {
        let next = DeadLetter { version: letter.version + 1, ..letter.clone() };
        Sql::new(
            "dead_letters",
            "UPDATE dead_letters SET status = $1, version = $2, document = $3 WHERE id = $4 AND version = $5",
        )
        .bind(status_column(next.status))
        .bind(next.version)
        .bind(json("dead_letters", &next)?)
        .bind(letter.id.to_string())
        .bind(letter.version)
        .run_or_conflict(self, &letter.id.to_string())
        .await
    }
}

/// Selects (id, source, document).
fn event(row: &Row) -> Result<Event, StoreError> {
    let Stored { time, recorded, payload } = row.document(2)?;
    Ok(Event { reference: EventRef { source: row.text(1)?, id: row.text(0)? }, time, recorded, payload })
}

fn status_column(status: DeadLetterStatus) -> &'static str {
    match status {
        DeadLetterStatus::Open => "open",
        DeadLetterStatus::Replayed => "replayed",
        DeadLetterStatus::Discarded => "discarded",
    }
}
