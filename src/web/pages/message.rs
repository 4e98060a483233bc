//! One message for a person to judge: its text with what was read in it, what it may mean and where it may belong, how sure
//! that is, and a form to put it right.
//!
//! Guarantees: everything that the sender wrote is shown as text, never as markup; a correction goes through the same flow
//! function as the API's, with its version and its scope. Non-goals: acting on what a message wants.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::shell::{After, Posted, Refused, Shell, Viewer, done, render};
use super::text::{Run, runs};
use super::{Sampled, words};
use crate::domain::actor::Scope;
use crate::domain::ids::MessageId;
use crate::domain::message::{Clue, Entity, EntityType, Intent, Link, LinkCandidate, Message, Part, Reading};
use crate::flow::accept::messages;
use crate::flow::assess::parts;
use crate::web::api::messages::{NewCorrection, NewEntity};
use crate::web::error::Problem;
use crate::web::extract::{Id, Params};
use crate::web::schema;
use crate::web::state::WebState;

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    shell: Shell,
    id: String,
    version: i64,
    from: String,
    at: String,
    channel: String,
    subject: Vec<Run>,
    parts: Vec<PartView>,
    kinds: Vec<&'static str>,
    values: Vec<ValueRow>,
    attachments: Vec<FileView>,
    hidden: Vec<String>,
    read: Option<ReadView>,
    can_correct: bool,
    intents: Vec<IntentOption>,
    entity_types: Vec<TypeOption>,
}

/// A part of the body: `new`, `quoted` or `signature`.
struct PartView {
    kind: &'static str,
    label: String,
    runs: Vec<Run>,
}

struct ValueRow {
    kind: String,
    text: String,
    value: String,
    meant: String,
}

struct FileView {
    name: String,
    text: Option<String>,
}

/// What was read, in words.
struct ReadView {
    trust: String,
    trust_says: &'static str,
    role: String,
    party: String,
    intents: Vec<IntentRow>,
    sure: Option<String>,
    threshold: String,
    link: String,
    candidates: Vec<CandidateRow>,
    unknown: Vec<String>,
    model: String,
    at: String,
}

struct IntentRow {
    name: String,
    percent: u8,
    sure: bool,
}

struct CandidateRow {
    order_id: String,
    percent: u8,
    href: Option<String>,
    clues: String,
}

struct IntentOption {
    name: &'static str,
    label: String,
    current: bool,
}

struct TypeOption {
    name: &'static str,
    label: String,
}

pub(super) async fn show(
    State(state): State<WebState>,
    viewer: Viewer,
    Id(id): Id<MessageId>,
    Params(after): Params<After>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::MessagesRead)?;
    let found = state.services.store.read().await?.message(id).await?;
    let message = found.ok_or_else(|| Problem::not_found("message", &id.to_string()))?;
    let mut shell = viewer.shell(&state, "Message", "/messages").await?;
    shell.notice = after.done;
    Ok(render(&page(shell, &message, viewer.may(Scope::MessagesWrite))))
}

/// What the form says; an empty field corrects nothing.
#[derive(Deserialize)]
pub(super) struct Corrected {
    version: i64,
    #[serde(default)]
    intent: String,
    #[serde(default)]
    order_id: String,
    #[serde(default)]
    text: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    reason: String,
}

pub(super) async fn correct(
    State(state): State<WebState>,
    Id(id): Id<MessageId>,
    Posted { viewer, form }: Posted<Corrected>,
) -> Result<Response, Refused> {
    viewer.needs(Scope::MessagesWrite)?;
    let said = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let kind = EntityType::parse(&form.kind);
    let value = said(form.value);
    let new = NewCorrection {
        intent: Intent::parse(&form.intent),
        order_id: said(form.order_id),
        entities: said(form.text).map(|text| NewEntity { text, kind, value }).into_iter().collect(),
        reason: said(form.reason),
    };
    // As the API holds a body to the document.
    let faults = schema::check(&state.document, "NewCorrection", &json!(new));
    if !faults.is_empty() {
        return Err(Problem::invalid(faults).into());
    }
    messages::correct(&state.services, viewer.actor().clone(), id, form.version, new.into()).await?;
    Ok(done(&format!("/messages/{id}"), "Corrected. It is kept as an example to learn from."))
}

fn page(shell: Shell, message: &Message, can_correct: bool) -> MessagePage {
    let content = message.content.as_written();
    let reading = message.reading.as_ref();
    let entities = reading.map_or(&[][..], |reading| reading.entities.as_written());
    let kinds: BTreeSet<EntityType> = entities.iter().map(|entity| entity.kind).collect();
    let sure = reading.and_then(|reading| reading.intent.as_ref()).map(|scored| scored.intent);
    MessagePage {
        shell,
        id: message.id.to_string(),
        version: message.version,
        from: match (&content.from.name, &content.from.email) {
            (Some(name), Some(email)) => format!("{name} <{email}>"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "an unnamed sender".to_owned(),
        },
        at: words::minute(message.received_at),
        channel: words::title(content.channel.name()),
        subject: runs(content.subject.as_deref().unwrap_or("(no subject)"), Part::Subject, 0, entities),
        parts: parts::parts(&content.body).iter().map(|part| part_view(part, &content.body, entities)).collect(),
        kinds: kinds.into_iter().map(EntityType::name).collect(),
        values: entities.iter().map(value_row).collect(),
        attachments: content.attachments.iter().map(file_view).collect(),
        hidden: content.hidden.clone(),
        read: reading.map(read_view),
        can_correct: can_correct && reading.is_some(),
        intents: Intent::ALL.iter().map(|intent| intent_option(*intent, sure)).collect(),
        entity_types: EntityType::ALL.iter().map(|kind| type_option(*kind)).collect(),
    }
}

fn part_view(part: &parts::Part, body: &str, entities: &[Entity]) -> PartView {
    let of = part.author.as_deref().map(|author| format!(" of {author}")).unwrap_or_default();
    let (kind, label) = match part.kind {
        parts::Kind::New => ("new", String::new()),
        parts::Kind::Quoted => ("quoted", format!("Quoted history{of}: context, not this sender's word")),
        parts::Kind::Signature => ("signature", "Signature".to_owned()),
    };
    let text = body.get(part.range.clone()).unwrap_or_default();
    PartView { kind, label, runs: runs(text, Part::Body, part.range.start, entities) }
}

fn value_row(entity: &Entity) -> ValueRow {
    ValueRow {
        kind: words::title(entity.kind.name()),
        text: entity.text.clone(),
        value: entity.value.clone().unwrap_or_else(|| "no certain reading".to_owned()),
        meant: entity.meant.clone().unwrap_or_default(),
    }
}

fn file_view(file: &crate::domain::payload::Attachment) -> FileView {
    FileView { name: file.name.clone().unwrap_or_else(|| "without a name".to_owned()), text: file.text.clone() }
}

fn intent_option(intent: Intent, sure: Option<Intent>) -> IntentOption {
    IntentOption { name: intent.name(), label: words::title(intent.name()), current: sure == Some(intent) }
}

fn type_option(kind: EntityType) -> TypeOption {
    TypeOption { name: kind.name(), label: words::title(kind.name()) }
}

fn read_view(reading: &Reading) -> ReadView {
    use crate::domain::message::Trust;
    let (link, candidates) = link_view(&reading.link);
    let sure = reading.intent.as_ref().map(|scored| scored.intent);
    let row = |scored: &crate::domain::message::ScoredIntent| IntentRow {
        name: words::title(scored.intent.name()),
        percent: words::percent(scored.probability),
        sure: sure == Some(scored.intent),
    };
    ReadView {
        trust: words::title(reading.trust.name()),
        trust_says: match reading.trust {
            Trust::VerifiedContact => "the address is a contact of this party",
            Trust::KnownDomain => "the domain is this party's, the address is not a known contact",
            Trust::InternalForward => "a colleague passed it on",
            Trust::Unknown => "the address belongs to nobody we know",
        },
        role: words::title(reading.role.name()),
        party: reading.party.clone().unwrap_or_else(|| "no known party".to_owned()),
        intents: reading.intents.iter().map(row).collect(),
        sure: sure.map(|intent| words::title(intent.name())),
        threshold: reading.threshold.map_or_else(
            || "no model said how sure it has to be".to_owned(),
            |needed| format!("sure from {} %", words::percent(needed)),
        ),
        link,
        candidates,
        unknown: reading.unknown.clone(),
        model: reading.model.clone().unwrap_or_else(|| "no model".to_owned()),
        at: words::minute(reading.at),
    }
}

fn link_view(link: &Link) -> (String, Vec<CandidateRow>) {
    match link {
        Link::Attached { to, purchase_order_id, also } => {
            let through = purchase_order_id.as_ref().map(|id| format!(", through purchase order {id}"));
            let says = format!("Attached to {}{}", to.order_id, through.unwrap_or_default());
            (says, std::iter::once(to).chain(also).map(candidate).collect())
        }
        Link::PurchaseOrder { purchase_order_id, clues, .. } => {
            let clues: Vec<String> = clues.iter().map(clue).collect();
            (format!("Attached to purchase order {purchase_order_id} ({})", clues.join(", ")), Vec::new())
        }
        Link::Candidates { ranked, reason, question, .. } => {
            let ask = question.as_ref().map(|question| format!(". To ask: {}", question.text)).unwrap_or_default();
            (format!("Not attached: {reason}{ask}"), ranked.iter().map(candidate).collect())
        }
        Link::Nothing { reason } => (format!("Belongs to no order: {reason}"), Vec::new()),
    }
}

fn candidate(candidate: &LinkCandidate) -> CandidateRow {
    let clues: Vec<String> = candidate.clues.iter().map(clue).collect();
    CandidateRow {
        order_id: candidate.order_id.clone(),
        percent: words::percent(candidate.probability),
        href: candidate.case_id.map(|id| format!("/exceptions/{id}")),
        clues: clues.join(", "),
    }
}

fn clue(clue: &Clue) -> String {
    match clue {
        Clue::Reference { entity, value } => format!("{} {value}", entity.name().replace('_', " ")),
        Clue::Thread => "answers a message of this order".to_owned(),
        Clue::Sender => "the sender belongs to it".to_owned(),
        Clue::Item { sku } => format!("names item {sku}"),
        Clue::NearReference { value } => format!("nearly its number {value}"),
        Clue::Words { sku, words } => format!("describes item {sku} ({})", words.join(", ")),
        Clue::Name { words } => format!("names its party ({})", words.join(", ")),
        Clue::Quantity { value } => format!("its quantity {value}"),
        Clue::Amount { value } => format!("its amount {value}"),
        Clue::Date { date } => format!("near its day {date}"),
        Clue::Place { words } => format!("where it goes ({})", words.join(", ")),
        Clue::Case { .. } => "fits its open case".to_owned(),
        Clue::Supply { purchase_order_id } => format!("supplied by {purchase_order_id}"),
    }
}

impl Sampled for MessagePage {
    fn samples() -> Vec<Self> {
        let run = |text: &str, entity: Option<&'static str>| Run { text: text.to_owned(), entity, says: String::new() };
        let part = |kind, label: &str| PartView {
            kind,
            label: label.to_owned(),
            runs: vec![run("<40> pieces", Some("quantity"))],
        };
        let read = ReadView {
            trust: "Unknown".to_owned(),
            trust_says: "the address belongs to nobody we know",
            role: "Customer".to_owned(),
            party: "no known party".to_owned(),
            intents: vec![IntentRow { name: "Order status".to_owned(), percent: 61, sure: false }],
            sure: None,
            threshold: "sure from 72 %".to_owned(),
            link: "Not attached: two orders fit".to_owned(),
            candidates: vec![CandidateRow {
                order_id: "SO-10231".to_owned(),
                percent: 48,
                href: Some("/exceptions/1".to_owned()),
                clues: "names item <SKU>".to_owned(),
            }],
            unknown: vec!["who the sender is".to_owned()],
            model: "intents/3".to_owned(),
            at: "2026-03-02 09:31".to_owned(),
        };
        let full = Self {
            shell: Shell::sample("/messages"),
            id: "1".to_owned(),
            version: 2,
            from: "Jo <jo@customer.example>".to_owned(),
            at: "2026-03-02 09:30".to_owned(),
            channel: "Email".to_owned(),
            subject: vec![run("Where is ", None), run("SO-10231", Some("order_no"))],
            parts: vec![part("new", ""), part("quoted", "Quoted history of Ada"), part("signature", "Signature")],
            kinds: vec!["order_no", "quantity"],
            values: vec![ValueRow {
                kind: "Quantity".to_owned(),
                text: "<40> pieces".to_owned(),
                value: "40".to_owned(),
                meant: String::new(),
            }],
            attachments: vec![FileView { name: "<list>.txt".to_owned(), text: Some("40 <b>pieces</b>".to_owned()) }],
            hidden: vec!["<ignore> the rules".to_owned()],
            read: Some(read),
            can_correct: true,
            intents: vec![intent_option(Intent::OrderStatus, Some(Intent::OrderStatus))],
            entity_types: vec![type_option(EntityType::Quantity)],
        };
        let unread = sample_of(&full);
        vec![full, unread]
    }
}

/// The same message without what was read of it.
fn sample_of(page: &MessagePage) -> MessagePage {
    MessagePage {
        shell: page.shell.clone(),
        id: page.id.clone(),
        version: page.version,
        from: page.from.clone(),
        at: page.at.clone(),
        channel: page.channel.clone(),
        subject: Vec::new(),
        parts: Vec::new(),
        kinds: Vec::new(),
        values: Vec::new(),
        attachments: Vec::new(),
        hidden: Vec::new(),
        read: None,
        can_correct: false,
        intents: Vec::new(),
        entity_types: Vec::new(),
    }
}

pub(super) fn samples() -> Vec<String> {
    super::rendered::<MessagePage>()
}
