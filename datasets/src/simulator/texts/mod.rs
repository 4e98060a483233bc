//! Authored message texts by situation, with placeholders for what they are about.
//!
//! Guarantees: ten variants or more per situation; placeholders are filled by `mail`. Non-goals: training data; these
//! are the simulator's own words, apart from `datasets/messages`.

use super::mail::Situation;

mod customers;
mod partners;

/// The contract's intent and the variants, each a subject and a body.
pub(super) struct Text(pub(super) &'static str, pub(super) &'static [(&'static str, &'static str)]);

pub(super) fn bank(situation: Situation) -> Text {
    match situation {
        Situation::OrderStatus => Text("order_status", &customers::ORDER_STATUS),
        Situation::ExpediteRequest => Text("expedite_request", &customers::EXPEDITE),
        Situation::PostponeRequest => Text("postpone_request", &customers::POSTPONE),
        Situation::QuantityChange => Text("quantity_change", &customers::QUANTITY),
        Situation::ItemChange => Text("item_change", &customers::ITEM),
        Situation::CancelRequest => Text("cancel_request", &customers::CANCEL),
        Situation::ShipToChange => Text("ship_to_change", &customers::SHIP_TO),
        Situation::BackorderResponse => Text("backorder_response", &customers::BACKORDER),
        Situation::PriceDispute => Text("price_dispute", &customers::PRICE),
        Situation::PaymentNotice => Text("payment_notice", &customers::PAYMENT),
        Situation::CreditRequest => Text("credit_request", &customers::CREDIT),
        Situation::InvoiceQuery => Text("invoice_query", &customers::INVOICE),
        Situation::DeliveryClaim => Text("delivery_claim", &customers::CLAIM),
        Situation::DocumentRequest => Text("document_request", &customers::DOCUMENT),
        Situation::SupplyDelay => Text("supply_delay", &partners::SUPPLY_DELAY),
        Situation::SupplyShortage => Text("supply_shortage", &partners::SUPPLY_SHORTAGE),
        Situation::SupplyConfirmation => Text("supply_confirmation", &partners::SUPPLY_CONFIRMATION),
        Situation::CostChange => Text("cost_change", &partners::COST_CHANGE),
        Situation::PickupFailure => Text("pickup_failure", &partners::PICKUP_FAILURE),
        Situation::TransitDelay => Text("transit_delay", &partners::TRANSIT_DELAY),
        Situation::DeliveryFailure => Text("delivery_failure", &partners::DELIVERY_FAILURE),
        Situation::IntegrationFailure => Text("integration_failure", &partners::INTEGRATION),
        Situation::ApprovalReply => Text("approval_reply", &partners::APPROVAL),
        Situation::Irrelevant => Text("irrelevant", &partners::IRRELEVANT),
    }
}
