//! Of a context: supply, shipments, credit, invoice, transactions and approvals.
//!
//! Guarantee: amounts of credit and invoices are entered only for a reader who may see them.

use serde_json::{Map, Value};

use super::{Page, day, days, days_between, text};
use crate::flow::assess::summary::ledger::Kind;
use crate::flow::assess::summary::render::{Said, name, number, words};

/// Further members of an object that are said.
const EXTRA_MAX: usize = 3;

pub(super) fn enter(page: &mut Page<'_>) {
    supply(page);
    shipments(page);
    credit(page);
    invoice(page);
    integration(page);
    approvals(page);
}

/// A status or code of another system, in words.
fn status(text: &str) -> Said {
    Said::words(words(&name(text).text))
}

fn supply(page: &mut Page<'_>) {
    let due = page.at("/order/promised_ship_at");
    let unit = page.affected().map_or(&Value::Null, |at| &page.list("/order/lines")[at]["unit_of_measure"]);
    for (at, order) in page.list("/supply").iter().enumerate() {
        let pointer = format!("/supply/{at}");
        let role = |member: &str| format!("supply.{}.{member}", at + 1);
        page.put(&role("id"), "purchase order", &pointer, &order["po_id"], text(&order["po_id"]).map(name));
        let quantity = Page::quantity(&order["quantity"], unit).or(Some(Said::words("an unknown quantity")));
        page.put(&role("quantity"), "on order", &pointer, &order["quantity"], quantity);
        let said = text(&order["status"]).map_or(Said::words("of unknown status"), status);
        page.put(&role("status"), "status of the purchase order", &pointer, &order["status"], Some(said));
        let said = day(&order["due_at"]).unwrap_or(Said::words("on an unknown date"));
        page.put(&role("due_at"), "due", &pointer, &order["due_at"], Some(said));
        if let Some(late) = days_between(due, &order["due_at"]).filter(|late| *late > 0) {
            page.put(&role("late"), "due after the promised date", &pointer, &Value::from(late), Some(days(late)));
            page.ledger.derived(&role("late"), "due - promised", &[&role("due_at"), "case.due_at"]);
        }
    }
}

fn shipments(page: &mut Page<'_>) {
    for (at, (pointer, shipment)) in page.shipments().enumerate() {
        let role = |member: &str| format!("shipment.{}.{member}", at + 1);
        let named = |member: &str| text(&shipment[member]).map(name);
        page.put(&role("id"), "shipment", &pointer, &shipment["shipment_id"], named("shipment_id"));
        let carrier = named("carrier_id").unwrap_or(Said::words("an unnamed carrier"));
        page.put(&role("carrier"), "carrier", &pointer, &shipment["carrier_id"], Some(carrier));
        let said = text(&shipment["status"]).map_or(Said::words("of unknown status"), status);
        page.put(&role("status"), "status of the shipment", &pointer, &shipment["status"], Some(said));
        page.put(&role("tracking"), "tracking", &pointer, &shipment["tracking_number"], named("tracking_number"));
        let delivered = &shipment["delivered_at"];
        let eta = day(&shipment["eta"]).filter(|_| delivered.is_null());
        page.put(&role("eta"), "estimated time", &pointer, &shipment["eta"], eta);
        page.put(&role("delivered_at"), "delivered", &pointer, delivered, day(delivered));
    }
}

fn credit(page: &mut Page<'_>) {
    if !page.at("/credit").is_object() {
        return;
    }
    if !page.reader.sees_finance {
        let said = Some(Said::words("not shown"));
        page.put("finance.hidden", "amounts of credit and invoices", "/credit", &Value::Null, said);
        return;
    }
    page.money("credit.limit", "credit limit", "/credit/limit");
    page.money("credit.exposure", "credit exposure", "/credit/exposure");
    if page.at("/credit/overdue").as_f64().is_some_and(|overdue| overdue > 0.0) {
        page.money("credit.overdue", "overdue", "/credit/overdue");
    }
    let pair = page.at("/credit/exposure").as_f64().zip(page.at("/credit/limit").as_f64());
    if let Some((exposure, limit)) = pair {
        let over = exposure - limit;
        let side = if over > 0.0 { "above" } else { "below" };
        let said = Said::new(Kind::Amount, format!("{} {side}", page.amount(over.abs())));
        page.put("credit.over_limit", "exposure against limit", "/credit", &Value::from(over), Some(said));
        page.ledger.derived("credit.over_limit", "exposure - limit", &["credit.exposure", "credit.limit"]);
    }
}

fn invoice(page: &mut Page<'_>) {
    let pointer =
        if text(page.at("/invoice/invoice_id")).is_some() { "/invoice/invoice_id" } else { "/invoice/invoice_number" };
    page.text("invoice.number", "invoice", pointer, name);
    page.text("invoice.status", "status of the invoice", "/invoice/status", status);
    page.text("invoice.reason", "reason of the block", "/invoice/block_reason", status);
    if page.reader.sees_finance {
        page.money("invoice.amount", "amount of the invoice", "/invoice/amount");
        extra(page, "invoice", &["invoice_id", "invoice_number", "status", "block_reason", "amount"]);
    }
}

fn integration(page: &mut Page<'_>) {
    page.text("integration.document", "transaction", "/integration/kind", name);
    page.text("integration.system", "system", "/integration/system", name);
    page.text("integration.error_code", "error", "/integration/error_code", name);
    let attempt = page.at("/integration/attempt");
    let said = attempt.as_u64().map(|attempt| Said::new(Kind::Number, attempt.to_string()));
    page.put("integration.attempt", "attempt", "/integration/attempt", attempt, said);
    extra(page, "integration", &["kind", "error_code", "attempt", "confidence"]);
}

/// Further scalars of a member, by the names that its system gives them.
fn extra(page: &mut Page<'_>, member: &str, said: &[&str]) {
    let empty = Map::new();
    let object = page.at(&format!("/{member}")).as_object().unwrap_or(&empty);
    let scalar = |value: &Value| match value {
        Value::Number(value) => value.as_f64().map(number),
        Value::String(_) => day(value).or_else(|| text(value).map(name)),
        _ => None,
    };
    let further = object.iter().filter(|(key, _)| !said.contains(&key.as_str()));
    let further = further.filter_map(|(key, value)| Some((key, value, scalar(value)?)));
    for (at, (key, value, rendering)) in further.take(EXTRA_MAX).enumerate() {
        let pointer = format!("/{member}/{key}");
        let role = |part: &str| format!("{member}.extra.{}.{part}", at + 1);
        page.put(&role("name"), "member", &pointer, &Value::from(key.as_str()), Some(status(key)));
        page.put(&role("value"), key, &pointer, value, Some(rendering));
    }
}

fn approvals(page: &mut Page<'_>) {
    for (at, approval) in page.list("/approvals").iter().enumerate() {
        let pointer = format!("/approvals/{at}");
        let role = |member: &str| format!("approval.{}.{member}", at + 1);
        let id = text(&approval["proposal_id"]).map_or(Said::words("without a number"), name);
        page.put(&role("id"), "proposal", &pointer, &approval["proposal_id"], Some(id));
        let action = text(&approval["action"]).map_or(Said::words("act"), status);
        page.put(&role("action"), "action", &pointer, &approval["action"], Some(action));
        let said = text(&approval["status"]).map_or(Said::words("of unknown status"), status);
        page.put(&role("status"), "status of the proposal", &pointer, &approval["status"], Some(said));
        page.put(
            &role("by"),
            "asked by",
            &pointer,
            &approval["requested_by"],
            text(&approval["requested_by"]).map(name),
        );
    }
}
