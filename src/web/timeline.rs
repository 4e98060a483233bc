//! The story of a case in one list: what systems reported, what people claimed, what models concluded, what was decided.
//!
//! Guarantee: the four are never mixed; each entry names where it comes from. Non-goals: summarising, see `flow::assess`.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::audit::AuditEntry;
use crate::domain::case::Case;
use crate::domain::event::Event;
use crate::domain::message::{Link, Message};
use crate::domain::outcome::Assessment;
use crate::domain::party::ObjectKind;
use crate::domain::payload::Payload;
use crate::flow::FlowError;
use crate::ports::store::Transaction;
use crate::ports::store::audit::AuditFilter;

/// What an entry is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// A system reported it.
    Fact,
    /// A person wrote it in a message; nobody checked it.
    Claim,
    /// A model or rule concluded it.
    Inference,
    /// A person or the service did it here.
    Act,
}

impl Worth {
    /// The name on the wire and in style sheets.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Claim => "claim",
            Self::Inference => "inference",
            Self::Act => "act",
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Fact, claim, inference or act.
    pub worth: Worth,
    /// What, in words.
    pub says: String,
    /// Where it comes from: `source#id` of an event, `message:id`, `name/version` of a model, an actor.
    pub from: String,
}

/// Entries of a case, oldest first, from everything that the store has of it.
///
/// # Errors
/// [`FlowError`] when the store fails.
pub async fn of_case(
    tx: &mut dyn Transaction,
    case: &Case,
    messages: &[Message],
) -> Result<Vec<TimelineEntry>, FlowError> {
    let mut entries = Vec::new();
    for event in tx.events_of(ObjectKind::Order, &case.key.order_id).await? {
        if concerns(&event.payload, case.key.line_no) {
            entries.push(fact(&event));
        }
    }
    entries.extend(messages.iter().flat_map(|m| [Some(claim(m)), reading(m)]).flatten());
    entries.extend(tx.assessments_of(case.id, 20).await?.iter().map(inference));
    let filter = AuditFilter { subject: Some(format!("case:{}", case.id)), action: None };
    entries.extend(tx.audit_after(0, &filter, 200).await?.iter().map(act));
    entries.sort_by(|a, b| (a.at, a.worth, &a.from, &a.says).cmp(&(b.at, b.worth, &b.from, &b.says)));
    Ok(entries)
}

/// Whether an event says anything of the line; order-wide ones do.
fn concerns(payload: &Payload, line_no: Option<u32>) -> bool {
    let told = match payload {
        Payload::OrderPromised(p) => Some(p.line_no),
        Payload::OrderStatus(s) => s.line_no,
        Payload::OrderCancelled(c) => c.line_no,
        Payload::ExceptionRaised(r) => r.line_no,
        Payload::ExceptionCleared(c) => c.line_no,
        Payload::ActionExecuted(a) => a.line_no,
        Payload::ActionFailed(a) => a.line_no,
        Payload::OutcomeRecorded(o) => Some(o.line_no),
        _ => None,
    };
    told.is_none() || line_no.is_none() || told == line_no
}

fn fact(event: &Event) -> TimelineEntry {
    let says = describe(&event.payload);
    TimelineEntry { at: event.time, worth: Worth::Fact, says, from: event.reference.to_string() }
}

fn claim(message: &Message) -> TimelineEntry {
    let content = message.content.as_written();
    let from = &content.from;
    let who = from.called().unwrap_or("an unnamed sender");
    let about = content.subject.as_deref().unwrap_or("(no subject)");
    let says = format!("{who} wrote: {about}");
    TimelineEntry { at: message.received_at, worth: Worth::Claim, says, from: format!("message:{}", message.id) }
}

fn reading(message: &Message) -> Option<TimelineEntry> {
    let reading = message.reading.as_ref()?;
    let intent = reading.intent.as_ref().map_or_else(
        || "no intent sure enough".to_owned(),
        |i| format!("{} ({:.0} %)", i.intent.name().replace('_', " "), i.probability * 100.0),
    );
    let link = match &reading.link {
        Link::Attached { to, .. } => format!("attached to {} ({:.0} %)", to.order_id, to.probability * 100.0),
        Link::Candidates { ranked, .. } => format!("{} candidate orders", ranked.len()),
        Link::PurchaseOrder { purchase_order_id, .. } => format!("attached to purchase order {purchase_order_id}"),
        Link::Nothing { .. } => "belongs to no order".to_owned(),
    };
    let from = reading.model.clone().unwrap_or_else(|| "identifiers only".to_owned());
    Some(TimelineEntry { at: reading.at, worth: Worth::Inference, says: format!("Read as {intent}; {link}"), from })
}

fn inference(assessment: &Assessment) -> TimelineEntry {
    let says = assessment.miss_probability.map_or_else(
        || "No model could say how likely a miss is".to_owned(),
        |p| format!("Ship date missed with probability {:.0} % if nothing is done", p * 100.0),
    );
    let from = assessment.model.clone().unwrap_or_else(|| "no model".to_owned());
    TimelineEntry { at: assessment.as_of, worth: Worth::Inference, says, from }
}

fn act(entry: &AuditEntry) -> TimelineEntry {
    if let Some(says) = sla(entry) {
        return TimelineEntry { at: entry.at, worth: Worth::Act, says, from: entry.actor.label() };
    }
    let state = entry.detail.get("to").or_else(|| entry.detail.get("state")).and_then(|v| v.as_str());
    let says = match state {
        Some(state) => format!("{} → {}", words(&entry.action), words(state)),
        None => words(&entry.action),
    };
    TimelineEntry { at: entry.at, worth: Worth::Act, says, from: entry.actor.label() }
}

/// What a service target's entry says.
fn sla(entry: &AuditEntry) -> Option<String> {
    match entry.action.as_str() {
        "sla.started" => Some(format!("Service target of {} open minutes", entry.detail["target_min"])),
        "sla.warned" => Some(format!("{} % of the service target is used", entry.detail["percent"])),
        "sla.breached" => Some("Service target breached".to_owned()),
        _ => None,
    }
}

fn words(name: &str) -> String {
    name.replace(['.', '_'], " ")
}

fn on_line(line_no: Option<u32>) -> String {
    line_no.map_or_else(String::new, |n| format!(" line {n}"))
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn amount(quantity: Decimal) -> String {
    quantity.normalize().to_string()
}

/// An event in words.
#[must_use]
pub fn describe(payload: &Payload) -> String {
    match payload {
        Payload::OrderPlaced(o) => format!("Order placed with {} lines", o.lines.len()),
        Payload::OrderChanged(c) if c.requested => {
            format!("{} asked for a change", c.by.as_deref().unwrap_or("The customer"))
        }
        Payload::OrderChanged(c) => format!("Order changed by {}", c.by.as_deref().unwrap_or("an unnamed user")),
        Payload::OrderCancelled(c) => format!("Cancelled{}", on_line(c.line_no)),
        Payload::OrderPromised(p) => format!("Line {} promised for {}", p.line_no, day(p.promised_ship_at)),
        Payload::OrderStatus(s) => format!("Order{} {}", on_line(s.line_no), wire(&s.status)),
        Payload::ShipmentMilestone(m) => format!("Shipment {}: {}", m.shipment_id, wire(&m.milestone)),
        Payload::FinanceCondition(f) => wire(&f.kind),
        Payload::IntegrationFailed(f) => format!("{} {} failed on {}", f.system, f.document_type, f.interface),
        Payload::ExceptionRaised(e) => format!("Upstream raised {}", words(e.category.name())),
        Payload::ExceptionCleared(e) => format!("Upstream cleared {}", words(e.category.name())),
        Payload::ActionExecuted(a) => format!("Done: {}", words(&a.action)),
        Payload::ActionFailed(a) => format!("Failed: {}", words(&a.action)),
        Payload::OutcomeRecorded(o) => {
            format!("Line {} {} its ship date", o.line_no, if o.missed { "missed" } else { "kept" })
        }
        Payload::InventoryPosition(p) => format!("{} at {}: {} available", p.sku, p.warehouse_id, amount(p.available)),
        Payload::PurchaseOrder(p) => format!("Purchase order {} of {}", p.purchase_order_id, p.sku),
        Payload::MessageReceived(m) => {
            format!("Message: {}", m.as_written().subject.as_deref().unwrap_or("(no subject)"))
        }
        Payload::Customer(c) => format!("Customer {} updated", c.customer_id),
        Payload::Supplier(s) => format!("Supplier {} updated", s.supplier_id),
        Payload::Carrier(s) => format!("Carrier {} updated", s.id),
        Payload::Warehouse(s) => format!("Warehouse {} updated", s.id),
        Payload::Item(i) => format!("Item {} updated", i.sku),
    }
}

/// A closed set's wire name in words, first letter large.
fn wire(value: &impl Serialize) -> String {
    let name = serde_json::to_value(value).ok().and_then(|v| v.as_str().map(words)).unwrap_or_default();
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
