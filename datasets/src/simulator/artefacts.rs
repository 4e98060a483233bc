//! What partners really send, as it comes in: X12 fragments, carriers' webhooks, mails.
//!
//! Guarantees: an artefact says what its sender knows, in the sender's own codes; what it is about, and what was really the
//! case, stands aside in [`ArtefactTruth`] under the same number. Non-goals: whole interchanges (no ISA and GS envelopes);
//! the service hears of the same facts by canonical events.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::calendar::DAY;
use super::changes::Change;
use super::event::{decimal, timestamp};
use super::world::{LineKey, World};

/// The form of an artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A supplier acknowledges a purchase order, or gives it another date.
    X12PurchaseOrderAcknowledgement855,
    /// A supplier tells what is in a delivery.
    X12ShipNotice856,
    /// A customer changes its order.
    X12OrderChange860,
    /// A customer's system took a document of ours, or did not.
    X12FunctionalAcknowledgement997,
    /// A carrier's system tells where a shipment is.
    CarrierWebhook,
    /// A person writes.
    Mail,
}

/// Something that came in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Artefact {
    /// Counts from 0.
    pub number: usize,
    /// When it came.
    pub at: Timestamp,
    /// Its form.
    pub form: Form,
    /// Whose system, or which address.
    pub sender: String,
    /// What was sent.
    pub body: String,
}

/// What an artefact is about and what was really so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArtefactTruth {
    /// The sales order.
    pub order_id: Option<String>,
    /// Its line.
    pub line_no: Option<u32>,
    /// The purchase order.
    pub purchase_order_id: Option<String>,
    /// The shipment.
    pub shipment_id: Option<String>,
    /// What it means: `confirmed`, `moved`, `short`, a kind of change, a milestone, `accepted`, `rejected`, or an intent.
    pub meaning: String,
    /// The quantity that is meant, where it is about one.
    pub quantity: Option<i64>,
}

/// An X12 date.
fn date(second: i64) -> String {
    timestamp(second).to_zoned(jiff::tz::TimeZone::UTC).date().to_string().replace('-', "")
}

impl World {
    pub(super) fn receive_artefact(&mut self, form: Form, sender: String, body: String, truth: ArtefactTruth) {
        if self.muted {
            return;
        }
        let artefact = Artefact { number: self.artefacts.len(), at: timestamp(self.now), form, sender, body };
        self.artefacts.push((artefact, truth));
    }

    /// 855: a date was given, or given anew.
    pub(super) fn acknowledge(&mut self, bought: usize, meaning: &str) {
        let order = &self.purchase_orders[bought];
        let (item, supplier) = (&self.catalog.items[order.item], &self.catalog.suppliers[order.supplier]);
        let kind = if meaning == "confirmed" { "AC" } else { "AD" };
        let body = format!(
            "ST*855*0001~BAK*00*{kind}*{}*{}~PO1*1*{}*{}***VN*{}~ACK*{}*{}*{}*068*{}~CTT*1~SE*6*0001~",
            order.id,
            date(self.now),
            order.quantity,
            item.unit.to_uppercase(),
            item.sku,
            if meaning == "confirmed" { "IA" } else { "DR" },
            order.quantity,
            item.unit.to_uppercase(),
            date(order.due)
        );
        let truth = ArtefactTruth {
            purchase_order_id: Some(order.id.clone()),
            meaning: meaning.to_owned(),
            quantity: Some(order.quantity),
            ..ArtefactTruth::default()
        };
        let sender = supplier.id.clone();
        self.receive_artefact(Form::X12PurchaseOrderAcknowledgement855, sender, body, truth);
    }

    /// 856: what a delivery holds, which need not be what was ordered.
    pub(super) fn announce(&mut self, bought: usize, received: i64) {
        let order = &self.purchase_orders[bought];
        let (item, supplier) = (&self.catalog.items[order.item], &self.catalog.suppliers[order.supplier]);
        let body = format!(
            "ST*856*0001~BSN*00*{}*{}*0800~HL*1**S~HL*2*1*O~PRF*{}~HL*3*2*I~LIN**VN*{}~SN1**{received}*{}~SE*8*0001~",
            order.id.replace("PUR", "ASN"),
            date(self.now),
            order.id,
            item.sku,
            item.unit.to_uppercase()
        );
        let truth = ArtefactTruth {
            purchase_order_id: Some(order.id.clone()),
            meaning: if received < order.quantity { "short" } else { "complete" }.to_owned(),
            quantity: Some(received),
            ..ArtefactTruth::default()
        };
        let sender = supplier.id.clone();
        self.receive_artefact(Form::X12ShipNotice856, sender, body, truth);
    }

    /// 860: electronic customers change orders by their own numbers.
    pub(super) fn request_change(&mut self, key: LineKey, change: &Change) {
        let (order, line) = (self.order(key), self.line(key));
        let who = &self.catalog.customers[order.customer];
        if who.channel != "edi" {
            return;
        }
        let sku = &self.catalog.items[line.item].sku;
        let (code, quantity, more, meaning) = match change {
            Change::Quantity(wanted) if *wanted > line.quantity => ("QI", *wanted, String::new(), "more"),
            Change::Quantity(wanted) => ("QD", *wanted, String::new(), "less"),
            Change::Item(other) => {
                ("CA", line.quantity, format!("*VN*{}", self.catalog.items[*other].sku), "other_item")
            }
            Change::Postpone(at) => ("RS", line.quantity, format!("~DTM*010*{}", date(*at - DAY / 2)), "later"),
            Change::Address(address) => ("CA", line.quantity, format!("~N1*ST*{address}"), "other_address"),
            Change::Cancel => ("DI", 0, String::new(), "cancelled"),
        };
        let body = format!(
            "ST*860*0001~BCH*01*SA*{}***{}~POC*{}*{code}*{quantity}*{}*{}**VN*{sku}{more}~SE*4*0001~",
            order.po_number,
            date(self.now),
            line.number,
            line.quantity,
            decimal(line.price_cents)
        );
        let truth = ArtefactTruth {
            order_id: Some(order.id.clone()),
            line_no: Some(line.number),
            meaning: meaning.to_owned(),
            quantity: Some(quantity),
            ..ArtefactTruth::default()
        };
        let sender = who.id.clone();
        self.receive_artefact(Form::X12OrderChange860, sender, body, truth);
    }

    /// 997: an electronic customer's system takes an invoice of ours, or does not know what it is for.
    pub(super) fn take_invoice(&mut self, shipment: usize, invoice: &str, matches: bool) {
        let about = &self.shipments[shipment];
        let order = &self.orders[about.order];
        let who = &self.catalog.customers[order.customer];
        if who.channel != "edi" {
            return;
        }
        let (code, error) = if matches { ("A", "") } else { ("R", "~AK5*R*5") };
        let control = invoice.trim_start_matches("INV-");
        let body = format!(
            "ST*997*0001~AK1*IN*{control}~AK2*810*{control}{error}~AK9*{code}*1*1*{}~SE*5*0001~",
            u8::from(matches)
        );
        let truth = ArtefactTruth {
            order_id: Some(order.id.clone()),
            shipment_id: Some(about.id.clone()),
            meaning: if matches { "accepted" } else { "rejected" }.to_owned(),
            ..ArtefactTruth::default()
        };
        let sender = who.id.clone();
        self.receive_artefact(Form::X12FunctionalAcknowledgement997, sender, body, truth);
    }

    /// A carrier tells a milestone in its own words and codes.
    pub(super) fn hear_carrier(&mut self, shipment: usize, milestone: &str, estimated: Option<i64>) {
        let about = &self.shipments[shipment];
        let carrier = &self.catalog.carriers[about.carrier];
        let code = format!("{}-{}", &carrier.name[..2].to_uppercase(), milestone.len() * 7);
        let body = json!({
            "trk": about.tracking, "evt": code, "ts": self.now, "eta": estimated,
            "txt": milestone.replace('_', " ").to_uppercase(),
        });
        let truth = ArtefactTruth {
            order_id: Some(self.orders[about.order].id.clone()),
            shipment_id: Some(about.id.clone()),
            meaning: milestone.to_owned(),
            ..ArtefactTruth::default()
        };
        let sender = carrier.id.to_owned();
        self.receive_artefact(Form::CarrierWebhook, sender, body.to_string(), truth);
    }
}
