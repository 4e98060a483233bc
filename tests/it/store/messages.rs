//! Messages, what they are attached to, and corrections.

use std::slice;

use anyhow::ensure;
use holdfast::domain::ids::{CaseId, Entropy, MessageId};
use holdfast::domain::message::{
    Channel, Clue, Correction, Intent, Link, LinkCandidate, Message, Reading, SenderRole, Trust,
};
use holdfast::domain::payload::{MessageReceived, Sender};
use holdfast::domain::untrusted::Untrusted;
use holdfast::ports::store::StoreError;

use super::samples::{at, entropy, reference};
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(attached_messages_are_found, unattached_messages_are_listed, corrections_come_with_their_message);

fn message(bits: &impl Entropy, seconds: i64) -> Message {
    Message {
        id: MessageId::new(at(seconds), bits),
        event: reference("m"),
        received_at: at(seconds),
        content: Untrusted::new(MessageReceived {
            channel: Channel::Email,
            from: Sender { role: None, name: None, email: Some("eva@example.com".to_owned()) },
            subject: None,
            body: "Where is PO 7? – Grüße".to_owned(),
            in_reply_to: None,
            references: Vec::new(),
            message_id: Some(format!("<{seconds}@example.com>")),
            sent_at: None,
            attachments: Vec::new(),
            hidden: Vec::new(),
        }),
        reading: None,
        version: 1,
    }
}

fn read(message: &Message, link: Link) -> Message {
    let reading = Reading {
        intent: None,
        intents: Vec::new(),
        threshold: None,
        entities: Untrusted::new(Vec::new()),
        trust: Trust::Unknown,
        role: SenderRole::Unknown,
        party: None,
        link,
        unknown: vec!["date".to_owned()],
        model: None,
        at: at(9),
    };
    Message { reading: Some(reading), ..message.clone() }
}

fn to(order_id: &str, case_id: Option<CaseId>) -> LinkCandidate {
    LinkCandidate { order_id: order_id.to_owned(), case_id, probability: 0.9, clues: vec![Clue::Thread] }
}

fn attached(order_id: &str, case_id: Option<CaseId>, also: &[&str]) -> Link {
    let also = also.iter().map(|order_id| to(order_id, None)).collect();
    Link::Attached { to: to(order_id, case_id), purchase_order_id: None, also }
}

async fn attached_messages_are_found(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let case_id = CaseId::new(at(0), &bits);
    let first = message(&bits, 1);
    let second = read(&message(&bits, 2), attached("O1", Some(case_id), &["O2", "O1"]));
    let mut tx = db.store.write().await?;
    tx.insert_message(&second).await?;
    tx.insert_message(&first).await?;
    ensure!(tx.messages_of_order("O1").await? == slice::from_ref(&second));
    let linked = tx.update_message(&read(&first, attached("O1", None, &[]))).await?;
    ensure!(linked.version == 2);
    ensure!(matches!(tx.update_message(&first).await, Err(StoreError::Conflict(_))));
    tx.commit().await?;

    let mut tx = db.store.write().await?;
    ensure!(tx.message(first.id).await? == Some(linked.clone()));
    ensure!(tx.messages_of_order("O1").await? == [linked.clone(), second.clone()], "oldest first");
    ensure!(tx.messages_of_order("O2").await? == slice::from_ref(&second), "and the further orders that it concerns");
    ensure!(tx.messages_of_case(case_id).await? == slice::from_ref(&second));
    ensure!(tx.message_by_mail_id("<2@example.com>").await? == Some(second.clone()));
    ensure!(tx.message_by_mail_id("<3@example.com>").await?.is_none());
    let moved = tx.update_message(&read(&second, attached("O3", None, &[]))).await?;
    ensure!(tx.messages_of_order("O1").await? == [linked] && tx.messages_of_order("O2").await?.is_empty());
    ensure!(tx.messages_of_case(case_id).await?.is_empty() && tx.messages_of_order("O3").await? == [moved]);
    Ok(())
}

async fn unattached_messages_are_listed(db: &TestStore) -> anyhow::Result<()> {
    let bits = entropy();
    let unread = message(&bits, 1);
    let unsure = Link::Candidates {
        ranked: vec![to("O1", None)],
        reason: "two orders fit".to_owned(),
        conflict: None,
        question: None,
    };
    let unsure = read(&message(&bits, 2), unsure);
    let sure = read(&message(&bits, 3), attached("O1", None, &[]));
    let mut tx = db.store.write().await?;
    for message in [&unread, &unsure, &sure] {
        tx.insert_message(message).await?;
    }
    ensure!(tx.list_messages(None, None, 2).await? == [sure.clone(), unsure.clone()]);
    ensure!(tx.list_messages(None, Some(unsure.id), 9).await? == slice::from_ref(&unread));
    ensure!(tx.list_messages(Some(false), None, 9).await? == [unsure, unread]);
    ensure!(tx.list_messages(Some(true), None, 9).await? == slice::from_ref(&sure));
    ensure!(tx.messages_of_order("O1").await? == [sure], "a mere candidate is not attached");
    Ok(())
}

async fn corrections_come_with_their_message(db: &TestStore) -> anyhow::Result<()> {
    let message = message(&entropy(), 1);
    let correction = |reason: &str| Correction {
        intent: Some(Intent::OrderStatus),
        order_id: None,
        entities: Vec::new(),
        reason: Some(reason.to_owned()),
    };
    let mut tx = db.store.write().await?;
    tx.insert_message(&message).await?;
    tx.insert_correction(message.id, &correction("first"), "person:eva", at(2)).await?;
    tx.insert_correction(message.id, &correction("second"), "person:eva", at(2)).await?;
    let found = tx.corrections().await?;
    ensure!(found == [(message.clone(), correction("first")), (message, correction("second"))]);
    Ok(())
}
