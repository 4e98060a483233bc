//! A context: an exception with what bears on it, told as one JSON object by another system instead of by events.
//!
//! Members: `facts.{order, customer, exception, inventory, supply, shipment, credit, invoice, integration, approvals,
//! timeline, candidate_actions}` and `messages`, as in `datasets/summaries`. It is compiled into the same ledger as a case,
//! under the same roles, so that frames, plan and check are the same. Guarantees: a value is taken from its member only; a
//! timeline entry of a customer, supplier, carrier or person is a claim and quoted; a message is quoted; an event is cited
//! as `timeline/<place>`; nothing is read out of a text. Non-goals: ranking; candidate actions stand in the order given.

mod conditions;
mod events;

use jiff::Timestamp;
use serde_json::Value;

use super::ledger::{Kind, Ledger};
use super::render::{Said, amount, category, duration, name, number, quote, words};
use super::{Deterministic, Reader, Summary, SummaryError, worded};
use crate::domain::case::Category;

/// A context that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// A member without which there is no case.
    #[error("`{pointer}` is missing or not what it should be; {needs}")]
    Member {
        /// Where, as a JSON pointer.
        pointer: &'static str,
        /// What is needed.
        needs: &'static str,
    },
    /// Its facts give no summary.
    #[error(transparent)]
    Summary(#[from] SummaryError),
}

/// A compiled context.
pub struct Compiled {
    /// Its category.
    pub category: Category,
    /// Its facts.
    pub ledger: Ledger,
}

/// The deterministic summary of a context.
///
/// # Errors
/// [`ContextError`].
pub fn summary(context: &Value, reader: Reader) -> Result<Summary, ContextError> {
    let compiled = compile(context, reader)?;
    Ok(worded(compiled.category, &compiled.ledger, &Deterministic)?)
}

/// The facts of a context for a reader.
///
/// # Errors
/// [`ContextError::Member`].
pub fn compile(context: &Value, reader: Reader) -> Result<Compiled, ContextError> {
    let text = |pointer: &str| context.pointer(pointer).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let member = |pointer, needs| ContextError::Member { pointer, needs };
    let named = text("/facts/exception/category").and_then(Category::parse);
    let category = named.ok_or(member("/facts/exception/category", "give one of the nine categories"))?;
    if text("/facts/order/order_id").is_none() {
        return Err(member("/facts/order/order_id", "give the order's number"));
    }
    let mut page = Page { ledger: Ledger::new(None), context, reader, category };
    page.case();
    page.order();
    page.lines();
    page.stock();
    conditions::enter(&mut page);
    events::enter(&mut page);
    page.options();
    page.close();
    Ok(Compiled { category, ledger: page.ledger })
}

/// A context while it is compiled.
struct Page<'a> {
    ledger: Ledger,
    context: &'a Value,
    reader: Reader,
    category: Category,
}

/// A scalar as text; `None` for what is empty.
fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| super::render::has_words(text))
}

/// The day of a date or time.
fn day(value: &Value) -> Option<Said> {
    let text = value.as_str()?;
    let day = text.get(..10)?;
    day.parse::<jiff::civil::Date>().ok().map(|day| Said::new(Kind::Time, day.to_string()))
}

impl<'a> Page<'a> {
    fn at(&self, pointer: &str) -> &'a Value {
        self.context.pointer(&format!("/facts{pointer}")).unwrap_or(&Value::Null)
    }

    fn list(&self, pointer: &str) -> &'a [Value] {
        self.at(pointer).as_array().map_or(&[], Vec::as_slice)
    }

    fn currency(&self) -> &'a str {
        self.at("/order/currency").as_str().unwrap_or_default()
    }

    /// Enters what was said of a member, where anything was.
    fn put(&mut self, role: &str, label: &str, pointer: &str, value: &Value, said: Option<Said>) {
        if let Some(said) = said {
            self.ledger.put(role, label, value.clone(), said, None);
            self.ledger.stands(role, format!("/facts{pointer}"), None);
        }
    }

    fn text(&mut self, role: &str, label: &str, pointer: &str, say: fn(&str) -> Said) {
        let value = self.at(pointer);
        self.put(role, label, pointer, value, text(value).map(say));
    }

    fn day(&mut self, role: &str, label: &str, pointer: &str) {
        let value = self.at(pointer);
        self.put(role, label, pointer, value, day(value));
    }

    fn money(&mut self, role: &str, label: &str, pointer: &str) {
        let value = self.at(pointer);
        let said = value.as_f64().map(|value| self.amount(value));
        self.put(role, label, pointer, value, said);
    }

    fn amount(&self, value: f64) -> Said {
        match self.currency() {
            "" => number(value),
            currency => amount(value, currency),
        }
    }

    fn case(&mut self) {
        let value = self.at("/exception/category");
        self.put("case.category", "category", "/exception/category", value, Some(Said::words(category(self.category))));
        self.text("case.id", "exception", "/exception/exception_id", name);
        self.text("case.state", "state", "/exception/status", |state| Said::words(words(&name(state).text)));
        self.day("case.opened_at", "raised on", "/exception/raised_at");
        // What a system writes of credit and invoices may hold amounts.
        let finance = matches!(self.category, Category::CreditHold | Category::InvoiceReleaseDelay);
        if self.reader.sees_finance || !finance {
            self.text("case.detail", "what the system said when it raised it", "/exception/detail", quote);
        }
    }

    fn order(&mut self) {
        self.text("order.id", "order", "/order/order_id", name);
        let customer =
            if text(self.at("/customer/name")).is_some() { "/customer/name" } else { "/customer/customer_id" };
        self.text("order.customer", "customer", customer, name);
        if !self.ledger.has("order.customer") {
            self.ledger.put("order.customer", "customer", Value::Null, Said::words("an unnamed customer"), None);
        }
        self.text("customer.tier", "tier", "/customer/tier", name);
        self.text("order.po", "the customer's own number", "/order/customer_po", name);
        self.text("order.status", "status of the order", "/order/status", |status| {
            Said::words(words(&name(status).text))
        });
        if !self.ledger.has("order.status") {
            self.ledger.put("order.status", "status of the order", Value::Null, Said::words("of unknown status"), None);
        }
        self.money("order.value", "value of the order", "/order/total");
        self.day("order.placed_at", "placed", "/order/placed_at");
        self.day("case.due_at", "promised ship date", "/order/promised_ship_at");
        let address = self.at("/order/ship_to");
        let said = text(address).map_or(Said::words("not given"), quote);
        self.put("order.ship_to", "ship-to address", "/order/ship_to", address, Some(said));
        let count = self.list("/order/lines").len();
        let noun = if count == 1 { "line" } else { "lines" };
        let said = Said::new(Kind::Number, format!("{count} {noun}"));
        self.put("order.lines", "lines", "/order/lines", &Value::from(count), Some(said));
        self.unshipped();
    }

    /// That nothing has shipped: from the order's status and its shipments, never from a text.
    fn unshipped(&mut self) {
        const BEFORE: [&str; 7] = ["received", "validated", "allocated", "backordered", "released", "picked", "packed"];
        let status = self.at("/order/status").as_str().unwrap_or_default();
        let left = self.shipments().any(|(_, shipment)| !shipment["shipped_at"].is_null());
        if BEFORE.contains(&status) && !left {
            let said = Some(Said::words("nothing has shipped"));
            self.put("order.unshipped", "shipped", "/order/status", &Value::Bool(false), said);
            self.ledger.derived(
                "order.unshipped",
                "status before shipped, and no shipment that left",
                &["order.status"],
            );
        }
    }

    /// Shipments with their place; one object counts as a list of one.
    fn shipments(&self) -> impl Iterator<Item = (String, &'a Value)> + use<'a> {
        let shipment = self.at("/shipment");
        let one = shipment.is_object().then(|| ("/shipment".to_owned(), shipment));
        let many = shipment.as_array().into_iter().flatten().enumerate();
        one.into_iter().chain(many.map(|(at, shipment)| (format!("/shipment/{at}"), shipment)))
    }

    fn quantity(value: &Value, unit: &Value) -> Option<Said> {
        let number = number(value.as_f64()?);
        Some(Said::new(
            Kind::Number,
            match text(unit) {
                Some(unit) => format!("{number} {}", name(unit)),
                None => number.text,
            },
        ))
    }

    /// The line that the exception is about: of its stock's item, else the only one that its detail names, else the only one.
    fn affected(&self) -> Option<usize> {
        let lines = self.list("/order/lines");
        let with_sku = |sku: &str| lines.iter().position(|line| line["sku"].as_str() == Some(sku));
        let detail = self.at("/exception/detail").as_str().unwrap_or_default();
        let named = |line: &Value| {
            let sku = line["sku"].as_str().is_some_and(|sku| detail.contains(sku));
            sku || line["line"].as_u64().is_some_and(|no| names_line(detail, no))
        };
        let named: Vec<usize> = (0..lines.len()).filter(|at| named(&lines[*at])).collect();
        self.at("/inventory/sku").as_str().and_then(with_sku).or(match named[..] {
            [only] => Some(only),
            _ => (lines.len() == 1).then_some(0),
        })
    }

    fn lines(&mut self) {
        for (at, line) in self.list("/order/lines").iter().enumerate() {
            let pointer = format!("/order/lines/{at}");
            let role = |member: &str| format!("lines.{}.{member}", at + 1);
            let unit = &line["unit_of_measure"];
            let price = |member: &str| line[member].as_f64().map(|value| self.amount(value));
            let prices = [price("unit_price"), price("list_price")];
            self.put(
                &role("quantity"),
                "quantity",
                &pointer,
                &line["quantity"],
                Self::quantity(&line["quantity"], unit),
            );
            self.put(&role("item"), "item", &pointer, &line["sku"], text(&line["sku"]).map(name));
            for (member, said) in ["unit_price", "list_price"].into_iter().zip(prices) {
                self.put(&role(member), &words(member), &pointer, &line[member], said);
            }
        }
        let Some(at) = self.affected() else { return };
        let (line, pointer) = (&self.list("/order/lines")[at], format!("/order/lines/{at}"));
        let said = line["line"].as_u64().map(|no| Said::new(Kind::Number, no.to_string()));
        self.put("line.no", "line", &pointer, &line["line"], said);
        let said = Self::quantity(&line["quantity"], &line["unit_of_measure"]);
        self.put("line.quantity", "quantity", &pointer, &line["quantity"], said);
        self.put("line.item", "item", &pointer, &line["sku"], text(&line["sku"]).map(name));
        if self.category == Category::PricingDiscrepancy {
            self.price(line, &pointer);
        }
    }

    /// The prices of a line, where the system's words name both in its fixed form: `order price 11.40, contract price 12.15`.
    fn price(&mut self, line: &Value, pointer: &str) {
        let detail = self.at("/exception/detail").as_str().unwrap_or_default();
        let pair = line["unit_price"].as_f64().zip(line["quantity"].as_f64());
        let Some(((unit, quantity), agreed)) = pair.zip(agreed_price(detail, &line["unit_price"])) else { return };
        let gap = (unit - agreed) * quantity;
        let [unit, said, over] = [unit, agreed, gap].map(|value| self.amount(value));
        self.put("line.unit_price", "price", pointer, &line["unit_price"], Some(unit));
        self.put(
            "line.expected_price",
            "agreed or listed price",
            "/exception/detail",
            &Value::from(agreed),
            Some(said),
        );
        self.put("line.price_gap_amount", "price difference", pointer, &Value::from(gap), Some(over));
        let inputs = ["line.unit_price", "line.expected_price", "line.quantity"];
        self.ledger.derived("line.price_gap_amount", "(unit_price - expected_price) * quantity", &inputs);
    }

    fn stock(&mut self) {
        let positions = self.list("/inventory/available_by_warehouse");
        let home = self.at("/order/warehouse").as_str();
        let at = positions.iter().position(|position| position["warehouse_id"].as_str() == home);
        let Some(at) = at.or((!positions.is_empty()).then_some(0)) else { return };
        let unit = self.affected().map_or(&Value::Null, |line| &self.list("/order/lines")[line]["unit_of_measure"]);
        let pointer = |at: usize| format!("/inventory/available_by_warehouse/{at}");
        let said = |position: &'a Value| {
            (text(&position["warehouse_id"]).map(name), Self::quantity(&position["available"], unit))
        };
        self.text("stock.item", "item", "/inventory/sku", name);
        let (warehouse, available) = said(&positions[at]);
        self.put("stock.warehouse", "warehouse", &pointer(at), &positions[at]["warehouse_id"], warehouse);
        self.put("stock.available", "available", &pointer(at), &positions[at]["available"], available);
        let others = positions.iter().enumerate().filter(|(other, _)| *other != at);
        for (number, (other, position)) in others.enumerate() {
            let role = |member: &str| format!("stock.other.{}.{member}", number + 1);
            let (warehouse, available) = said(position);
            self.put(&role("warehouse"), "other warehouse", &pointer(other), &position["warehouse_id"], warehouse);
            self.put(&role("available"), "available there", &pointer(other), &position["available"], available);
        }
        let ordered = self.ledger.get("line.quantity").and_then(|fact| fact.value.as_f64());
        let lacking = ordered.zip(positions[at]["available"].as_f64()).map(|(ordered, there)| ordered - there);
        if let Some(lacking) = lacking.filter(|lacking| *lacking > 0.0) {
            let value = Value::from(lacking);
            let said = Self::quantity(&value, unit);
            self.put("stock.shortfall", "shortfall", &pointer(at), &value, said);
            self.ledger.derived("stock.shortfall", "quantity - available", &["line.quantity", "stock.available"]);
        }
    }

    fn options(&mut self) {
        for (at, title) in self.list("/candidate_actions").iter().enumerate() {
            let role = format!("option.{}.title", at + 1);
            self.put(&role, "option", &format!("/candidate_actions/{at}"), title, text(title).map(name));
        }
        if !self.ledger.has("option.1.title") {
            let said = Some(Said::words("the options have not been ranked yet"));
            self.put("recommendation.none", "options", "/candidate_actions", &Value::Null, said);
        }
    }

    /// Marks the system's words as covered where every value in them is said by its own fact.
    fn close(&mut self) {
        let detail = self.at("/exception/detail").as_str().unwrap_or_default();
        let stock = |role: &str| ["line", "stock.", "supply.", "case.due"].iter().any(|part| role.starts_with(part));
        let facts = self.ledger.facts().iter().filter(|fact| stock(&fact.role));
        let known: Vec<String> = facts.map(|fact| fact.rendering.replace(',', "")).collect();
        let said = |token: &str| known.iter().any(|rendering| rendering.split(' ').any(|part| part == token));
        let tokens = detail.split(|c: char| c.is_whitespace() || matches!(c, ':' | ';' | '(' | ')'));
        let mut valued = tokens
            .map(|token| token.trim_matches(['.', ',']).replace(',', ""))
            .filter(|token| token.chars().any(char::is_numeric));
        if self.category == Category::InventoryShortage && !detail.is_empty() && valued.all(|token| said(&token)) {
            let said = Said::words("said by the facts");
            self.put("case.detail.covered", "words of the system", "/exception/detail", &Value::Bool(true), Some(said));
        }
    }
}

/// The price after `order price <ours>, contract price` or `…, list price`, per the same unit.
fn agreed_price(detail: &str, ours: &Value) -> Option<f64> {
    let low = detail.to_lowercase();
    let (_, rest) = low.split_once("order price ")?;
    let (order, rest) = rest.split_once(", ")?;
    let rest = rest.strip_prefix("contract price ").or_else(|| rest.strip_prefix("list price "))?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let (price, after) = rest.split_at(end);
    let alone = after.is_empty() || after.starts_with(',') || price.ends_with('.');
    let agreed: f64 = price.trim_end_matches('.').parse().ok()?;
    (alone && order.parse::<f64>().ok() == ours.as_f64()).then_some(agreed)
}

/// Whether a text names a line by `line <no>`.
fn names_line(text: &str, no: u64) -> bool {
    let low = text.to_lowercase();
    let after = low.match_indices("line ").map(|(at, word)| &low[at + word.len()..]);
    after.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default()).any(|n| n == no.to_string())
}

/// Whole days from one day to another, where both are days.
fn days_between(from: &Value, to: &Value) -> Option<i32> {
    let date = |value: &Value| value.as_str()?.get(..10)?.parse::<jiff::civil::Date>().ok();
    (date(to)? - date(from)?).get_days().into()
}

/// Days in words.
fn days(count: i32) -> Said {
    match count {
        1 => Said::new(Kind::Duration, "1 day"),
        count if count < 3 => Said::new(Kind::Duration, format!("{count} days")),
        count => duration(f64::from(count) * 24.0),
    }
}

/// The time of a timeline entry.
fn time_of(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
