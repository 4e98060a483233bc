//! Into the ledger: credit, invoice, failed transactions, changes and shipments.
//!
//! Guarantee: amounts of credit, payments and invoices are entered only for a reader who may see them; for others it is
//! entered that they are hidden.

use super::Kind;
use super::compile::{Book, wire};
use super::render::{Said, amount, duration, has_words, name, number, quote};

pub(super) fn enter(book: &mut Book<'_>) {
    credit(book);
    invoice(book);
    integration(book);
    change(book);
    shipment(book);
}

/// Hours ago as hours from now.
fn ago(hours: Option<f64>) -> Option<f64> {
    hours.map(|hours| -hours)
}

fn credit(book: &mut Book<'_>) {
    let facts = book.facts;
    let credit = &facts.credit;
    book.when("credit.held_since", "credit held since", ago(credit.held_h));
    book.when("credit.payment_at", "newest payment", ago(credit.payment_h));
    if !book.reader.sees_finance {
        book.put("finance.hidden", "amounts of credit and invoices", (), Said::words("not shown"));
        return;
    }
    let money = |value: &f64| amount(*value, &facts.order.currency);
    let side = |over: f64| if over > 0.0 { "above" } else { "below" };
    let customer = facts.customer.as_ref();
    book.some("credit.limit", "credit limit", customer.and_then(|c| c.credit_limit), money);
    book.some("credit.exposure", "credit exposure", customer.and_then(|c| c.credit_exposure), money);
    book.some("credit.amount", "amount held", credit.amount, money);
    book.some("credit.payment_amount", "newest payment", credit.payment_amount, money);
    book.some("credit.over_limit", "exposure against limit", credit.over_limit, |over| {
        Said::new(Kind::Amount, format!("{} {}", money(&over.abs()), side(*over)))
    });
    book.ledger.derived("credit.over_limit", "exposure - limit", &["credit.exposure", "credit.limit"]);
}

fn invoice(book: &mut Book<'_>) {
    let facts = book.facts;
    let invoice = &facts.invoice;
    book.when("invoice.blocked_since", "invoice blocked since", ago(invoice.blocked_h.filter(|_| invoice.blocked)));
    book.when("invoice.shipped_at", "shipped without invoice", ago(invoice.uninvoiced_h));
    book.some("invoice.number", "invoice", invoice.number.as_ref(), |number| name(number));
    if book.reader.sees_finance {
        book.some("invoice.amount", "amount of the invoice", invoice.amount, |value| {
            amount(*value, &facts.order.currency)
        });
    }
}

fn integration(book: &mut Book<'_>) {
    let facts = book.facts;
    let Some(failure) = &facts.integration else { return };
    book.put("integration.document", "document", &failure.document_type, name(&failure.document_type));
    book.put("integration.interface", "interface", &failure.interface, name(&failure.interface));
    book.put("integration.system", "system", &failure.system, name(&failure.system));
    book.put("integration.attempt", "attempt", failure.attempt, Said::new(Kind::Number, failure.attempt.to_string()));
    book.when("integration.since", "open since", Some(-failure.since_h));
    book.some("integration.error_code", "error", failure.error_code.as_ref(), |code| quote(code));
    let said = failure.detail.as_ref().filter(|text| has_words(text));
    book.some("integration.detail", "what the system says", said, |text| quote(text));
}

fn change(book: &mut Book<'_>) {
    let facts = book.facts;
    let Some(change) = &facts.change else { return };
    let by = change.by.as_deref().map_or(Said::words("an unnamed person"), quote);
    book.put("change.by", "asked for by", &change.by, by);
    book.when("change.at", "asked for", Some(-change.since_h));
    let side = if change.after_release { "after" } else { "before" };
    book.put("change.after_release", "after the release", change.after_release, Said::words(side));
    book.some("change.line", "line it touches", change.line_no, |line| Said::new(Kind::Number, line.to_string()));
    book.some("change.quantity", "quantity asked for", change.quantity, |quantity| number(*quantity));
    book.some("change.ship_to", "address asked for", change.ship_to.as_ref(), |text| quote(text));
    book.some("change.cancels", "cancellation", change.cancels.then_some(true), |_| Said::words("a cancellation"));
    book.when("change.requested_at", "date asked for", change.requested_in_h);
}

fn shipment(book: &mut Book<'_>) {
    let facts = book.facts;
    let Some(shipment) = &facts.shipment else { return };
    let carrier = shipment.carrier_id.as_deref().map_or(Said::words("an unnamed carrier"), name);
    book.put("shipment.id", "shipment", &shipment.shipment_id, name(&shipment.shipment_id));
    book.put("shipment.carrier", "carrier", &shipment.carrier_id, carrier);
    book.put("shipment.milestone", "milestone", shipment.milestone, wire(&shipment.milestone));
    book.when("shipment.at", "last milestone", Some(-shipment.since_h));
    book.some("shipment.overdue", "overdue", shipment.overdue_h.filter(|hours| *hours > 0.0), |hours| duration(*hours));
    book.some("shipment.tracking_number", "tracking number", shipment.tracking_number.as_ref(), |number| name(number));
    let carrier = shipment.carrier_id.as_deref().map_or(Said::words("an unnamed carrier"), name);
    book.put("shipment.1.id", "shipment", &shipment.shipment_id, name(&shipment.shipment_id));
    book.put("shipment.1.carrier", "carrier", &shipment.carrier_id, carrier);
    book.put("shipment.1.status", "milestone", shipment.milestone, wire(&shipment.milestone));
    book.some("shipment.1.tracking", "tracking number", shipment.tracking_number.as_ref(), |number| name(number));
    let said = shipment.detail.as_ref().filter(|text| has_words(text));
    book.some("shipment.detail", "what the carrier says", said, |text| quote(text));
}
