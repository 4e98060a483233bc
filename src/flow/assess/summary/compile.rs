//! Facts into ledger: every value that a template may name, with its label, rendering and event.
//!
//! Guarantee: what the reader may not see is not entered.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::ledger::Ledger;
use super::render::{Said, amount, category, duration, has_words, name, number, percent, quote, time, words};
use super::{Evidence, Kind, Reader, conditions, messages, missing, options};
use crate::domain::case::{Case, Category, Origin};
use crate::domain::event::EventRef;
use crate::flow::facts::Facts;

/// Everything that can be said of the case to this reader.
pub(super) fn ledger(evidence: &Evidence<'_>, reader: Reader) -> Ledger {
    let mut book = Book { ledger: Ledger::new(Some(evidence.facts.now)), facts: evidence.facts, reader };
    book.case(evidence.case, evidence.now);
    book.order();
    book.line();
    book.stock();
    conditions::enter(&mut book);
    options::enter(&mut book, evidence);
    messages::enter(&mut book, evidence);
    missing::enter(&mut book, evidence);
    book.ledger
}

/// The ledger while it is filled.
pub(super) struct Book<'a> {
    pub(super) ledger: Ledger,
    pub(super) facts: &'a Facts,
    pub(super) reader: Reader,
}

/// The wire name of a unit variant, in words.
pub(super) fn wire(value: &impl Serialize) -> Said {
    Said::words(serde_json::to_value(value).ok().and_then(|v| v.as_str().map(words)).unwrap_or_default())
}

fn counted(count: usize, noun: &str) -> Said {
    Said::new(Kind::Number, format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
}

impl Book<'_> {
    /// Enters a fact with the event that the facts cite for it: that of its path, else of what it is part of.
    pub(super) fn put(&mut self, path: &str, label: &str, value: impl Serialize, said: Said) {
        let aspect = match path {
            "line.promised_ship_at" => "line.promise",
            "credit.payment_at" | "credit.payment_amount" => "credit.payment",
            "customer.tier" => "customer",
            other => other,
        };
        let mut known = std::iter::successors(Some(aspect), |path| path.rsplit_once('.').map(|(whole, _)| whole));
        let event = known.find_map(|path| self.facts.cites.get(path)).cloned();
        self.cited(path, label, value, said, event.as_ref());
    }

    /// Enters a fact that another event says, or none.
    pub(super) fn cited(
        &mut self,
        path: &str,
        label: &str,
        value: impl Serialize,
        said: Said,
        event: Option<&EventRef>,
    ) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.ledger.put(path, label, value, said, event);
    }

    pub(super) fn some<T: Serialize>(
        &mut self,
        path: &str,
        label: &str,
        value: Option<T>,
        say: impl FnOnce(&T) -> Said,
    ) {
        if let Some(value) = value {
            let said = say(&value);
            self.put(path, label, value, said);
        }
    }

    /// The time so many hours from the facts' own, to the second: the same whenever it is asked.
    fn at(&self, hours: f64) -> Option<Timestamp> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "microseconds within the range of time, or saturated and refused"
        )]
        let micros = (hours * 3.6e9).round() as i64;
        let at = self.facts.now.checked_add(jiff::SignedDuration::from_micros(micros)).ok()?;
        at.round(jiff::Unit::Second).ok()
    }

    pub(super) fn when(&mut self, path: &str, label: &str, hours: Option<f64>) {
        let at = hours.and_then(|hours| self.at(hours));
        self.some(path, label, at, |at| time(*at));
    }

    fn quantity(&mut self, path: &str, label: &str, value: Option<f64>) {
        let unit = self.facts.item.as_ref().map(|item| format!(" {}", name(&item.unit_of_measure))).unwrap_or_default();
        self.some(path, label, value, |value| Said::new(Kind::Number, format!("{}{unit}", number(*value))));
    }

    fn case(&mut self, case: &Case, now: Timestamp) {
        let by = Some(&case.caused_by);
        self.cited("case.category", "category", case.key.category, Said::words(category(case.key.category)), by);
        self.cited("case.severity", "severity", case.severity, wire(&case.severity), by);
        self.cited("case.opened_at", "open since", case.opened_at, time(case.opened_at), by);
        self.cited("case.event", "event behind it", &case.caused_by, name(&case.caused_by.to_string()), by);
        self.cited("case.owner", "owner", &case.owner, Said::words(words(&name(&case.owner).text)), None);
        self.cited("case.state", "state", case.state.name(), Said::words(words(case.state.name())), None);
        self.cited("now", "time of this summary", now, time(now), None);
        if let Some(before) = case.reopens {
            self.cited("case.reopens", "case before", before, Said::new(Kind::Name, before.to_string()), None);
        }
        if let Some(stake) = &case.at_stake {
            self.cited("case.at_stake", "value at stake", stake, Said::new(Kind::Amount, stake.to_string()), None);
        }
        if let Some(due) = case.due_at {
            let hours = due.duration_since(now).as_secs_f64() / 3600.0;
            let distance =
                if hours < 0.0 { format!("{} ago", duration(hours)) } else { format!("in {}", duration(hours)) };
            self.put("line.promised_ship_at", "promised ship date", due, time(due));
            self.cited(
                "case.due_at",
                "ship date at risk",
                due,
                time(due),
                self.facts.cites.get("line.promise").cloned().as_ref(),
            );
            self.cited(
                "case.due_in",
                "time to the ship date",
                hours.round(),
                Said::new(Kind::Duration, distance),
                None,
            );
        }
        let origin = Said::words(match &case.origin {
            Origin::Rule { rule, version } => format!("rule {} of {}", name(rule), name(version)),
            Origin::Upstream => "an upstream system".to_owned(),
            Origin::Execution => "a failed execution".to_owned(),
        });
        self.cited("case.origin", "found by", &case.origin, origin, by);
        let free = case.origin == Origin::Upstream && has_words(&case.detail);
        // What an upstream system writes of credit may hold amounts.
        if free && (self.reader.sees_finance || case.key.category != Category::CreditHold) {
            self.cited("case.detail", "what the upstream system says", &case.detail, quote(&case.detail), by);
        }
    }

    fn order(&mut self) {
        let facts = self.facts;
        let order = &facts.order;
        self.put("order.id", "order", &order.order_id, name(&order.order_id));
        let customer = facts.customer.as_ref().map_or(&order.customer_id, |c| &c.name);
        self.put("order.customer", "customer", customer, name(customer));
        self.put("order.placed_at", "placed", order.placed_at, time(order.placed_at));
        self.put("order.status", "status of the order", order.status, wire(&order.status));
        self.put("order.value", "value of the order", order.value, amount(order.value, &order.currency));
        self.put("order.lines", "lines", order.line_count, counted(order.line_count as usize, "line"));
        self.put(
            "order.open_lines",
            "open lines",
            order.open_lines,
            Said::new(Kind::Number, order.open_lines.to_string()),
        );
        let address = order.ship_to.as_deref().filter(|text| has_words(text));
        self.put("order.ship_to", "ship-to address", &order.ship_to, address.map_or(Said::words("not given"), quote));
        self.some("customer.tier", "customer tier", facts.customer.as_ref().and_then(|c| c.tier), wire);
    }

    fn line(&mut self) {
        let facts = self.facts;
        let Some(line) = &facts.line else { return };
        let money = |value: &f64| amount(*value, &facts.order.currency);
        let item = match &facts.item {
            Some(item) if has_words(&item.description) => {
                Said::new(Kind::Name, format!("{} ({})", name(&line.sku), name(&item.description)))
            }
            _ => name(&line.sku),
        };
        self.put("line.no", "line", line.line_no, Said::new(Kind::Number, line.line_no.to_string()));
        self.quantity("line.quantity", "quantity", Some(line.quantity));
        self.put("line.item", "item", &line.sku, item);
        self.put("line.status", "status of the line", line.status, wire(&line.status));
        self.some("line.unit_price", "price", line.unit_price, money);
        self.some("line.expected_price", "agreed or listed price", line.expected_price, money);
        self.some("line.price_gap_amount", "price difference", line.price_gap_amount, money);
        self.some("line.price_gap", "price difference", line.price_gap, |gap| percent(*gap));
        self.ledger.derived(
            "line.price_gap_amount",
            "(unit_price - expected_price) * quantity",
            &["line.unit_price", "line.expected_price", "line.quantity"],
        );
        self.ledger.derived(
            "line.price_gap",
            "(unit_price - expected_price) / expected_price",
            &["line.unit_price", "line.expected_price"],
        );
        self.some("line.promised_ship_at", "promised ship date", line.promised_ship_at, |at| time(*at));
    }

    fn stock(&mut self) {
        let facts = self.facts;
        if let Some(stock) = &facts.stock {
            self.put("stock.warehouse", "warehouse", &stock.warehouse_id, name(&stock.warehouse_id));
            self.quantity("stock.available", "available", Some(stock.available));
            self.quantity("stock.shortfall", "shortfall", Some(stock.shortfall).filter(|lacking| *lacking > 0.0));
            self.ledger.derived("stock.shortfall", "quantity - available", &["line.quantity", "stock.available"]);
            self.quantity("stock.conflict", "shortfall after those ahead", Some(stock.conflict));
            self.quantity("stock.demand_ahead", "wanted earlier", Some(stock.demand_ahead));
            let ahead: Vec<String> = stock.competitors.iter().map(|order| name(order).text).collect();
            let ahead = match ahead.is_empty() {
                true => Said::words("other orders"),
                false => Said::new(Kind::Name, ahead.join(", ")),
            };
            self.put("stock.competitors", "orders ahead", &stock.competitors, ahead);
            self.quantity("stock.next_receipt_quantity", "next receipt", stock.next_receipt_quantity);
            self.when("stock.next_receipt_at", "next receipt", stock.next_receipt_in_h);
            if let Some(other) = &stock.alternate {
                self.put(
                    "stock.alternate.warehouse",
                    "other warehouse",
                    &other.warehouse_id,
                    name(&other.warehouse_id),
                );
                self.quantity("stock.alternate.available", "available there", Some(other.available));
                self.put("stock.other.1.warehouse", "other warehouse", &other.warehouse_id, name(&other.warehouse_id));
                self.quantity("stock.other.1.available", "available there", Some(other.available));
            }
        }
        if let Some(other) = facts.item.as_ref().and_then(|item| item.substitute.as_ref()) {
            self.put("item.substitute.sku", "substitute", &other.sku, name(&other.sku));
            self.quantity("item.substitute.available", "available of it", Some(other.available));
        }
        if let Some(order) = &facts.purchase_order {
            self.put("purchase_order.id", "purchase order", &order.purchase_order_id, name(&order.purchase_order_id));
            self.put("purchase_order.supplier", "supplier", &order.supplier_id, name(&order.supplier_id));
            self.when("purchase_order.due_at", "due", order.due_in_h);
            let status = if order.confirmed { "confirmed" } else { "unconfirmed" };
            self.put("supply.1.id", "purchase order", &order.purchase_order_id, name(&order.purchase_order_id));
            self.quantity("supply.1.quantity", "on order", Some(order.quantity));
            self.when("supply.1.due_at", "due", order.due_in_h);
            self.put("supply.1.status", "status of the purchase order", order.confirmed, Said::words(status));
            let late = order.due_in_h.zip(self.facts.order.due_in_h).map(|(due, promised)| due - promised);
            self.some("supply.1.late", "due after the promised date", late.filter(|hours| *hours > 0.0), |hours| {
                duration(*hours)
            });
            self.ledger.derived("supply.1.late", "due - promised", &["supply.1.due_at", "case.due_at"]);
            let said = if order.confirmed { "is confirmed" } else { "is not confirmed" };
            self.put("purchase_order.confirmed", "confirmed", order.confirmed, Said::words(said));
        }
    }
}
