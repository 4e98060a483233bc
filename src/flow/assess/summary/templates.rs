//! The sentences of a summary. `{path}` is a fact of the ledger; a sentence whose facts are not all there is not said; `*`
//! stands for each number from 1.
//!
//! Guarantee (held by a test): words outside of braces hold no digit, and no capital but a sentence's first.

use crate::domain::case::Category;

type Sentences = &'static [&'static str];

/// A section's name, and its sentences in a category.
type Part = (&'static str, fn(Category) -> Vec<&'static str>);

/// Name and sentences of each section, in order; every section says something in every case.
pub(super) const SECTIONS: [Part; 8] = [
    ("situation", |c| [SITUATION, situation(c)].concat()),
    ("impact", |c| [IMPACT, impact(c)].concat()),
    ("cause", |c| [CAUSE, cause(c), REASONS].concat()),
    ("messages", |_| MESSAGES.to_vec()),
    ("options", |_| OPTIONS.to_vec()),
    ("recommendation", |_| RECOMMENDATION.to_vec()),
    ("unknown", |_| UNKNOWN.to_vec()),
    ("deadline", |_| DEADLINE.to_vec()),
];

const SITUATION: Sentences = &[
    "This is {case.category}, {case.severity} in severity, open since {case.opened_at} and owned by {case.owner}.",
    "The case is {case.state}.",
    "It follows case {case.reopens}, after which the condition came back.",
    "Order {order.id} of {order.customer} was placed on {order.placed_at} and is {order.status}.",
    "The customer is in tier {customer.tier}.",
    "Line {line.no} is for {line.quantity} of {line.item} and is {line.status}.",
];

fn situation(category: Category) -> Sentences {
    match category {
        Category::InventoryShortage => {
            &["Warehouse {stock.warehouse} has {stock.available} available, {stock.shortfall} too few."]
        }
        Category::AllocationConflict => &[
            "Warehouse {stock.warehouse} has {stock.available} available, and {stock.demand_ahead} is wanted earlier by \
             {stock.competitors}.",
        ],
        Category::InvalidShipTo => &["The ship-to address is {order.ship_to}."],
        Category::PricingDiscrepancy => {
            &["The line is priced at {line.unit_price}, where {line.expected_price} is agreed or listed."]
        }
        Category::CreditHold => &[
            "Finance holds the order since {credit.held_since}.",
            "The amount that is held is {credit.amount}.",
            "Amounts of credit are {finance.hidden} to this reader.",
        ],
        Category::IntegrationFailure => &[
            "Document {integration.document} failed on interface {integration.interface} of {integration.system}, attempt \
             {integration.attempt}, and is open since {integration.since}.",
        ],
        Category::OrderChange => &["A change was asked for by {change.by} on {change.at}."],
        Category::ShipmentStatusFailure => {
            &["Shipment {shipment.id} with {shipment.carrier} last reported {shipment.milestone} on {shipment.at}."]
        }
        Category::InvoiceReleaseDelay => &[
            "The invoice is blocked since {invoice.blocked_since}.",
            "Everything shipped on {invoice.shipped_at}, and no invoice has gone out since.",
            "Amounts of invoices are {finance.hidden} to this reader.",
        ],
    }
}

const IMPACT: Sentences = &[
    "At stake is {case.at_stake}.",
    "The order is worth {order.value} in {order.lines}, {order.open_lines} of them open.",
    "The ship date is missed with a probability of {risk.probability} if nothing is done, says model {risk.model}.",
];

fn impact(category: Category) -> Sentences {
    match category {
        Category::InventoryShortage | Category::AllocationConflict => {
            &["After the orders that come first the line lacks {stock.conflict}."]
        }
        Category::PricingDiscrepancy => &["The difference is {line.price_gap_amount} for the line."],
        Category::CreditHold => &["The exposure stands {credit.over_limit} the limit."],
        Category::ShipmentStatusFailure => &["The shipment is {shipment.overdue} past its estimated time."],
        Category::InvoiceReleaseDelay => &["The amount that waits is {invoice.amount}."],
        Category::InvalidShipTo | Category::IntegrationFailure | Category::OrderChange => &[],
    }
}

const CAUSE: Sentences =
    &["It was found by {case.origin}, on event {case.event}.", "The upstream system says {case.detail}."];

fn cause(category: Category) -> Sentences {
    match category {
        Category::InventoryShortage | Category::AllocationConflict => &[
            "The next receipt, of {stock.next_receipt_quantity}, is expected on {stock.next_receipt_at}.",
            "Purchase order {purchase_order.id} with {purchase_order.supplier} is due on {purchase_order.due_at} and \
             {purchase_order.confirmed}.",
            "Warehouse {stock.alternate.warehouse} has {stock.alternate.available} available.",
            "Substitute {item.substitute.sku} is there with {item.substitute.available}.",
        ],
        Category::PricingDiscrepancy => &["That is {line.price_gap} away from what is agreed or listed."],
        Category::CreditHold => {
            &["The newest payment on record is of {credit.payment_at}.", "That payment is {credit.payment_amount}."]
        }
        Category::IntegrationFailure => {
            &["The error is {integration.error_code}.", "The system says {integration.detail}."]
        }
        Category::OrderChange => &[
            "It was asked for {change.after_release} the line was released.",
            "It touches line {change.line}.",
            "It asks for a quantity of {change.quantity}.",
            "It asks for the address {change.ship_to}.",
            "It asks for {change.cancels}.",
            "It asks for the date {change.requested_at}.",
        ],
        Category::ShipmentStatusFailure => {
            &["The carrier says {shipment.detail}.", "The tracking number is {shipment.tracking_number}."]
        }
        Category::InvalidShipTo | Category::InvoiceReleaseDelay => &[],
    }
}

const REASONS: Sentences =
    &["Risk is {risk.*.direction} by {risk.*.label}, at {risk.*.value} where {risk.*.typical} is usual."];

const MESSAGES: Sentences = &[
    "Messages attached: {messages.count}; what they say is a claim until an event confirms it.",
    "On {message.*.at} {message.*.sender} wrote by {message.*.channel}, read as {message.*.intent}: {message.*.quote}.",
];

const OPTIONS: Sentences = &[
    "Actions that can be taken: {options.count}.",
    "{option.*.title}: expected cost {option.*.cost}, of which {option.*.quote} direct, leaving a miss probability of \
     {option.*.miss}.",
    "Ruled out: {refused.*.title}, because {refused.*.reason}.",
];

const RECOMMENDATION: Sentences = &[
    "Recommended: {recommendation.title}; it saves an expected {recommendation.value} against doing nothing.",
    "It sets {parameter.*.name} to {parameter.*.value}.",
    "It leaves a miss probability of {option.1.miss} instead of {recommendation.miss_before}.",
    "Its risk is {recommendation.tier}; it happens only after the approval that policy asks for.",
    "No action is recommended: {recommendation.none}.",
    "Proposal {proposal.*.id} of {proposal.*.title} is {proposal.*.state}, made by {proposal.*.by} on {proposal.*.at}.",
];

const UNKNOWN: Sentences = &[
    "Facts that are missing: {unknown.count}.",
    "Not known is {unknown.*}.",
    "No miss probability is given: {risk.abstained}.",
    "Of the messages it is not known: {unread.*}.",
];

const DEADLINE: Sentences = &[
    "The ship date is {case.due_at}, {case.due_in}.",
    "After {recommendation.latest} the recommended action no longer helps.",
    "Proposal {lapse.*.id} lapses on {lapse.*.at}.",
    "All of this is as of {now}.",
];
