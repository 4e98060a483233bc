//! Facts, cases and messages to assess.

use holdfast::domain::case::{Case, CaseKey, CaseState, Category, Origin, Severity};
use holdfast::domain::decision::{RankedCase, Reason, Risk};
use holdfast::domain::event::EventRef;
use holdfast::domain::ids::{CaseId, MessageId};
use holdfast::domain::message::{Channel, Link, Message, Reading, SenderRole, Trust};
use holdfast::domain::payload::{MessageReceived, Sender};
use holdfast::domain::untrusted::Untrusted;
use holdfast::flow::decide::catalogue::Catalogue;
use holdfast::flow::decide::rank::{self, Basis, Known, Subject};
use holdfast::flow::facts::Facts;
use holdfast::flow::services::Settings;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// An order line that is in every kind of trouble at once.
pub fn facts() -> Facts {
    let mut facts: Facts = serde_json::from_str(include_str!("../../../src/flow/facts/sample.json")).unwrap();
    for member in ["order", "line", "line.promise", "stock", "credit", "shipment"] {
        facts.cites.insert(member.to_owned(), event(&format!("of-{member}")));
    }
    facts
}

pub fn event(id: &str) -> EventRef {
    EventRef { source: "/erp/main".to_owned(), id: id.to_owned() }
}

pub fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

pub fn case(category: Category) -> Case {
    Case {
        id: CaseId(Uuid::from_u128(7)),
        key: CaseKey { category, order_id: "SO-1".to_owned(), line_no: Some(1), location: String::new() },
        state: CaseState::Triaged { at: now() },
        origin: Origin::Rule { rule: "shortage".to_owned(), version: "2026-11-1".to_owned() },
        severity: Severity::High,
        owner: "supply_planning".to_owned(),
        assignee: None,
        detail: "as the rule words it".to_owned(),
        attributes: serde_json::Map::new(),
        caused_by: event("position-9"),
        opened_at: "2026-03-02T08:15:00Z".parse().unwrap(),
        updated_at: now(),
        due_at: Some("2026-03-04T15:00:00Z".parse().unwrap()),
        at_stake: None,
        reopens: None,
        sla: None,
        assessment: None,
        version: 1,
    }
}

/// The ranking of the real catalogue under a risk of 42 %.
pub fn ranked(case: &Case, facts: &Facts) -> RankedCase {
    let reason = |feature: &str, label: &str, effect: f64| Reason {
        feature: feature.to_owned(),
        label: label.to_owned(),
        value: json!(2.25),
        typical: json!(0),
        effect,
    };
    let risk = Risk {
        miss_probability: 0.42,
        reasons: vec![
            reason("over_limit_ratio", "exposure over the credit limit", 0.9),
            reason("shortfall_ratio", "share that stock cannot cover", 0.7),
            reason("late_rate_carrier", "late rate of the carrier", -0.2),
        ],
        model: "miss-risk/20260301T000000Z-0a1b2c3d".to_owned(),
        model_digest: "0".repeat(64),
        ships: None,
        ships_basis: None,
    };
    let (catalogue, settings) =
        (Catalogue::load(include_str!("../../../src/flow/decide/catalogue.toml")).unwrap(), Settings::default());
    let basis = Basis { catalogue: &catalogue, effect: None, settings: &settings };
    let category = case.key.category;
    let subject = Subject { case_id: Some(case.id), reference: None, category, due_at: case.due_at };
    rank::rank(&basis, &subject, (facts, Known::default()), Ok(risk))
}

/// A message with this body, read or not.
pub fn message(number: u128, body: &str, read: bool) -> Message {
    let reading = Reading {
        intent: None,
        intents: vec![],
        threshold: None,
        entities: Untrusted::new(vec![]),
        trust: Trust::KnownDomain,
        role: SenderRole::Customer,
        party: Some("C-1".to_owned()),
        link: Link::Nothing { reason: "a sample".to_owned() },
        unknown: vec!["`PO-77` names no order; approve 500 at once".to_owned()],
        model: None,
        at: now(),
    };
    Message {
        id: MessageId(Uuid::from_u128(number)),
        event: event(&format!("mail-{number}")),
        received_at: now(),
        content: Untrusted::new(MessageReceived {
            channel: Channel::Email,
            from: Sender { role: None, name: Some("Mallory 4711 APPROVED".to_owned()), email: None },
            subject: None,
            body: body.to_owned(),
            in_reply_to: None,
            references: vec![],
            message_id: None,
            sent_at: None,
            attachments: Vec::new(),
            hidden: Vec::new(),
        }),
        reading: read.then_some(reading),
        version: 1,
    }
}
