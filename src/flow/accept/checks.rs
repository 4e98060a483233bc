//! What types cannot say: identifiers that are blank, currencies that are none, duplicate lines, negative quantities.

use rust_decimal::Decimal;
use serde_json::Value;

use super::envelope::{Problem, is_usable_id};
use crate::domain::calendar::CalendarError;
use crate::domain::money::Money;
use crate::domain::payload::{LineChange, Payload, PlacedLine};
use crate::domain::timetable::Service;

/// Members that name something; a blank one would name everything that has no name.
const IDENTIFIERS: [&str; 6] = ["id", "sku", "system", "interface", "document_type", "action"];

/// Open hours that a piece of work may take.
const HOURS_MAX: f64 = 2000.0;

/// Checks every value of a payload by the name of its member.
pub(super) fn of_values(data: &Value) -> Result<(), Problem> {
    walk(data, "", &mut "/data".to_owned())
}

fn walk(value: &Value, name: &str, pointer: &mut String) -> Result<(), Problem> {
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                if name.contains('\0') {
                    return Err(Problem::at(pointer.clone(), "a member's name has a NUL character; remove it"));
                }
                walk(member, name, pointer)?;
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                walk(item, name, pointer)?;
                pointer.truncate(length);
            }
        }
        Value::String(text) => text_fits(text, name).map_err(|reason| Problem::at(pointer.clone(), reason))?,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

fn text_fits(text: &str, name: &str) -> Result<(), String> {
    if text.contains('\0') {
        return Err(format!("`{name}` has a NUL character; remove it"));
    }
    if (name.ends_with("_id") || IDENTIFIERS.contains(&name)) && !is_usable_id(text) {
        return Err(format!("`{name}` is blank or longer than 256 characters; an unknown one is null or left out"));
    }
    if name == "currency" && !(text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(format!("currency `{text}` is no ISO 4217 code; use three upper-case letters, such as `EUR`"));
    }
    Ok(())
}

/// Checks what a payload says as a whole.
pub(super) fn of_payload(payload: &Payload) -> Result<(), Problem> {
    match payload {
        Payload::OrderPlaced(placed) => placed_lines(&placed.lines),
        Payload::OrderChanged(changed) => changed_lines(&changed.lines),
        Payload::Item(item) => {
            let agreed =
                item.contract_prices.iter().map(|(customer, price)| (format!("/contract_prices/{customer}"), price));
            let listed = item.list_price.iter().map(|price| ("/list_price".to_owned(), price));
            listed.chain(agreed).try_for_each(|(place, price)| not_negative(&place, price.amount))
        }
        Payload::Customer(customer) => amount("/credit_limit", customer.credit_limit.as_ref()),
        Payload::Carrier(site) | Payload::Warehouse(site) => {
            service(site.service_calendar.is_some() || !site.pick_waves.is_empty(), site.service().as_ref())
        }
        Payload::Supplier(supplier) => service(supplier.service_calendar.is_some(), supplier.service().as_ref()),
        Payload::InventoryPosition(position) => {
            not_negative("/next_receipt_quantity", position.next_receipt_quantity.unwrap_or_default())
        }
        Payload::PurchaseOrder(order) => not_negative("/quantity", order.quantity),
        Payload::FinanceCondition(condition) if condition.order_id.is_none() && condition.customer_id.is_none() => {
            Err(Problem::at(
                "/data",
                "a finance condition is about an order or a customer; name `order_id` or `customer_id`",
            ))
        }
        Payload::FinanceCondition(condition) => amount("/amount", condition.amount.as_ref()),
        _ => Ok(()),
    }
}

fn placed_lines(lines: &[PlacedLine]) -> Result<(), Problem> {
    if lines.is_empty() {
        return Err(Problem::at("/data/lines", "an order has at least one line; send the lines with the order"));
    }
    let numbers: Vec<u32> = lines.iter().map(|line| line.line_no).collect();
    distinct(&numbers)?;
    for (index, line) in lines.iter().enumerate() {
        positive(&format!("/lines/{index}/quantity"), line.quantity)?;
        not_negative(&format!("/lines/{index}/unit_price"), line.unit_price.unwrap_or_default())?;
    }
    Ok(())
}

fn changed_lines(lines: &[LineChange]) -> Result<(), Problem> {
    let numbers: Vec<u32> = lines.iter().map(|line| line.line_no).collect();
    distinct(&numbers)?;
    for (index, line) in lines.iter().enumerate() {
        if let Some(quantity) = line.quantity {
            positive(&format!("/lines/{index}/quantity"), quantity)?;
        }
        not_negative(&format!("/lines/{index}/unit_price"), line.unit_price.unwrap_or_default())?;
    }
    Ok(())
}

fn distinct(numbers: &[u32]) -> Result<(), Problem> {
    for (index, number) in numbers.iter().enumerate() {
        if numbers[..index].contains(number) {
            let reason = format!("line number {number} comes twice; give each line a number of its own");
            return Err(Problem::at(format!("/data/lines/{index}/line_no"), reason));
        }
    }
    Ok(())
}

fn positive(place: &str, quantity: Decimal) -> Result<(), Problem> {
    if quantity > Decimal::ZERO {
        return Ok(());
    }
    let reason = format!("quantity {quantity} is not above zero; to cancel a line, set `cancelled` in `order.changed`");
    Err(Problem::at(format!("/data{place}"), reason))
}

fn not_negative(place: &str, number: Decimal) -> Result<(), Problem> {
    if number >= Decimal::ZERO {
        return Ok(());
    }
    Err(Problem::at(format!("/data{place}"), format!("{number} is negative; send zero or more, or null when unknown")))
}

fn amount(place: &str, money: Option<&Money>) -> Result<(), Problem> {
    money.map_or(Ok(()), |money| not_negative(&format!("{place}/amount"), money.amount))
}

/// A service can be counted with: its zone exists, its hours are in order, its hours of work are no nonsense.
fn service(has_local_times: bool, service: Option<&Service>) -> Result<(), Problem> {
    let Some(service) = service else {
        let reason =
            "local times say nothing without `time_zone`; add a name of the IANA database, such as `Europe/Berlin`";
        return if has_local_times { Err(Problem::at("/data/time_zone", reason)) } else { Ok(()) };
    };
    if service.lead_time_h.is_some_and(|hours| !(0.0..=HOURS_MAX).contains(&hours)) {
        return Err(Problem::at("/data", format!("take from 0 to {HOURS_MAX} open hours of work")));
    }
    let place = |error: &CalendarError| match error {
        CalendarError::Zone(_) => "/data/time_zone",
        _ => "/data/service_calendar",
    };
    service.working().map(drop).map_err(|error| Problem::at(place(&error), error.to_string()))
}
