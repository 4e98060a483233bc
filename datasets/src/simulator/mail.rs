//! Messages: who writes what about which situation, through which channel.
//!
//! Guarantees: each message's intent and order are in the truth under its event's id; a message about something that
//! is over is not sent. Non-goals: the texts, which `texts` has; acting on messages, which nothing does.

use serde_json::{Value, json};

use super::artefacts::{ArtefactTruth, Form};
use super::calendar::DAY;
use super::changes::Change;
use super::event::{decimal, time, timestamp};
use super::master::address;
use super::names::PEOPLE;
use super::orders::Stage;
use super::random::Dice;
use super::texts::{self, Text};
use super::transport::invoice_number;
use super::truth::MessageTruth;
use super::world::World;

/// Situations that make somebody write; each is one of the contract's intents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Situation {
    OrderStatus,
    ExpediteRequest,
    PostponeRequest,
    QuantityChange,
    ItemChange,
    CancelRequest,
    ShipToChange,
    BackorderResponse,
    PriceDispute,
    PaymentNotice,
    CreditRequest,
    InvoiceQuery,
    DeliveryClaim,
    DocumentRequest,
    SupplyDelay,
    SupplyShortage,
    SupplyConfirmation,
    CostChange,
    PickupFailure,
    TransitDelay,
    DeliveryFailure,
    IntegrationFailure,
    ApprovalReply,
    Irrelevant,
}

/// A message to be written, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) situation: Situation,
    pub(super) order: Option<usize>,
    pub(super) line: Option<usize>,
    pub(super) trouble: Option<usize>,
    pub(super) purchase_order: Option<usize>,
    pub(super) shipment: Option<usize>,
    pub(super) supplier: Option<usize>,
    pub(super) item: Option<usize>,
    pub(super) change: Option<Change>,
    pub(super) amount: Option<String>,
}

impl Mail {
    pub(super) fn new(situation: Situation) -> Self {
        Self {
            situation,
            order: None,
            line: None,
            trouble: None,
            purchase_order: None,
            shipment: None,
            supplier: None,
            item: None,
            change: None,
            amount: None,
        }
    }

    pub(super) fn about(situation: Situation, order: usize, line: Option<usize>) -> Self {
        Self { order: Some(order), line, ..Self::new(situation) }
    }
}

struct Sender {
    role: &'static str,
    name: String,
    domain: String,
    company: String,
}

impl World {
    pub(super) fn send(&mut self, mail: Mail) {
        if self.muted || self.is_over(&mail) {
            return;
        }
        let number = self.messages.len();
        let key = self.mail_key(&mail);
        let nth = self.written.entry(key.clone()).or_default();
        *nth += 1;
        let purpose = format!("message {nth}");
        let mut dice = self.dice(key, &purpose);
        let sender = self.sender(&mail, &mut dice);
        let Text(intent, bank) = texts::bank(mail.situation);
        let (subject, body) = dice.pick(bank);
        let slots = self.slots(&mail, &sender, &mut dice);
        let (subject, mut body) = (fill(subject, &slots), fill(body, &slots));
        let channel = channel(mail.situation, sender.role, &mut dice);
        match channel {
            "phone_note" => body = format!("Call from {} ({}). {body}", sender.name, sender.company),
            "email" if dice.chance(0.7) => body = format!("{body}\n\n{}\n{}", sender.name, sender.company),
            _ => {}
        }
        let stranger = dice.chance(0.04);
        let domain = if stranger { "webmail.example" } else { &sender.domain };
        let message_id = format!("<m{:06}.{:08x}@{domain}>", number + 1, dice.whole(0, 0xffff_ffff));
        let last = mail.order.and_then(|order| self.orders[order].last_mail.as_ref());
        let own_thread = last.filter(|last| last.0 == sender.role && dice.chance(0.5));
        let previous = own_thread.map(|last| last.1.clone());
        let data = json!({
            "channel": channel,
            "from": {
                "role": if channel == "email" { Value::Null } else { json!(sender.role) },
                "name": sender.name, "email": address(&sender.name, domain),
            },
            "subject": if matches!(channel, "chat" | "phone_note") { Value::Null } else { json!(subject) },
            "body": body, "in_reply_to": previous, "references": previous.iter().collect::<Vec<_>>(),
            "message_id": message_id, "sent_at": time(self.now - dice.whole(5, 600)),
        });
        let id = self.tell("/mail/inbound", "message.received", &message_id, data);
        let line_no = mail.line.and_then(|line| mail.order.map(|order| self.orders[order].lines[line].number));
        let truth = MessageTruth {
            intent,
            role: sender.role,
            order_id: mail.order.map(|order| self.orders[order].id.clone()),
            line_no,
            purchase_order_id: mail.purchase_order.map(|order| self.purchase_orders[order].id.clone()),
        };
        let meant = ArtefactTruth {
            order_id: truth.order_id.clone(),
            line_no,
            purchase_order_id: truth.purchase_order_id.clone(),
            meaning: intent.to_owned(),
            ..ArtefactTruth::default()
        };
        self.messages.insert(id, truth);
        if channel == "email" {
            let sender = address(&sender.name, domain);
            let text = format!("From: {sender}\nSubject: {subject}\nMessage-ID: {message_id}\n\n{body}\n");
            self.receive_artefact(Form::Mail, sender, text, meant);
        }
        if let Some(order) = mail.order {
            self.orders[order].last_mail = Some((sender.role, message_id));
        }
    }

    /// What a message is about, the same in every world.
    fn mail_key(&self, mail: &Mail) -> String {
        let order = mail.order.map(|order| self.orders[order].key.as_str());
        let bought = mail.purchase_order.map(|order| self.purchase_orders[order].key.as_str());
        let item = mail.item.map(|item| self.catalog.items[item].sku.as_str());
        let about = order.or(bought).or(item);
        let day = self.now / DAY;
        about.map_or_else(
            || format!("{:?} of day {day}", mail.situation),
            |about| format!("{:?} {about}", mail.situation),
        )
    }

    fn is_over(&self, mail: &Mail) -> bool {
        let urges = matches!(
            mail.situation,
            Situation::ExpediteRequest | Situation::OrderStatus | Situation::BackorderResponse
        );
        let left = mail.order.zip(mail.line).map(|key| self.line(key));
        mail.trouble.is_some_and(|trouble| !self.troubles[trouble].is_open())
            || (urges && left.is_some_and(|line| line.cancelled || line.stage >= Stage::Shipped))
    }

    fn sender(&self, mail: &Mail, dice: &mut Dice) -> Sender {
        let colleague = || Sender {
            role: "internal",
            name: String::new(),
            domain: "northgate-supply.example".to_owned(),
            company: "Northgate Supply".to_owned(),
        };
        match mail.situation {
            Situation::SupplyDelay
            | Situation::SupplyShortage
            | Situation::SupplyConfirmation
            | Situation::CostChange => {
                let known = mail.supplier.or(mail.purchase_order.map(|order| self.purchase_orders[order].supplier));
                let supplier = &self.catalog.suppliers[known.unwrap_or_default()];
                Sender {
                    role: "supplier",
                    name: supplier.contact.to_owned(),
                    domain: supplier.domain.clone(),
                    company: supplier.name.to_owned(),
                }
            }
            Situation::PickupFailure | Situation::TransitDelay | Situation::DeliveryFailure => {
                let carrier = mail.shipment.map_or(0, |shipment| self.shipments[shipment].carrier);
                let carrier = &self.catalog.carriers[carrier];
                Sender {
                    role: "carrier",
                    name: "Dispatch Desk".to_owned(),
                    domain: carrier.domain.to_owned(),
                    company: carrier.name.to_owned(),
                }
            }
            Situation::IntegrationFailure => Sender { name: "Integration Monitor".to_owned(), ..colleague() },
            Situation::ApprovalReply => Sender {
                name: (dice.pick(&["Helen Marsh", "Viktor Blum", "Nadia Serra", "Tom Ashby"])).to_owned(),
                ..colleague()
            },
            Situation::Irrelevant => Sender {
                role: "unknown",
                name: (dice.pick(&PEOPLE)).to_owned(),
                domain: (dice.pick(&["fairnews.example", "webmail.example", "toolfair.example", "officeplus.example"]))
                    .to_owned(),
                company: (dice.pick(&["Trade Fair News", "Office Plus", "Tool Fair", "Logistics Weekly"])).to_owned(),
            },
            _ => {
                let customer = mail.order.map_or(0, |order| self.orders[order].customer);
                let customer = &self.catalog.customers[customer];
                let known = dice.chance(0.92);
                let name = if known { dice.pick(&customer.contacts) } else { dice.pick(&PEOPLE) };
                Sender {
                    role: "customer",
                    name: name.to_owned(),
                    domain: customer.domain.clone(),
                    company: customer.name.to_owned(),
                }
            }
        }
    }

    /// What the texts' placeholders stand for.
    fn slots(&self, mail: &Mail, sender: &Sender, dice: &mut Dice) -> Vec<(&'static str, String)> {
        let mut slots = vec![("{name}", sender.name.clone()), ("{company}", sender.company.clone())];
        let mut item = mail.item;
        let mut date = self.now + 3 * DAY;
        if let Some(order) = mail.order.map(|index| &self.orders[index]) {
            let line = &order.lines[mail.line.unwrap_or(0)];
            item = item.or(Some(line.item));
            date = line.promised;
            // Customers quote our number, theirs, or both.
            let reference = match dice.whole(0, 9) {
                0..=4 => order.id.clone(),
                5..=7 => order.po_number.clone(),
                _ => format!("{} / {}", order.po_number, order.id),
            };
            slots.extend([
                ("{ref}", reference),
                ("{order}", order.id.clone()),
                ("{po}", order.po_number.clone()),
                ("{qty}", line.quantity.to_string()),
                ("{amount}", mail.amount.clone().unwrap_or_else(|| decimal(order.value_cents))),
                ("{price}", decimal(line.price_cents)),
                ("{addr}", self.catalog.customers[order.customer].address.clone()),
            ]);
        }
        match &mail.change {
            Some(Change::Quantity(quantity)) => slots.push(("{new}", quantity.to_string())),
            Some(Change::Item(other)) => slots.push(("{new}", self.catalog.items[*other].sku.clone())),
            Some(Change::Postpone(at)) => slots.push(("{new}", day(*at, dice))),
            Some(Change::Address(address)) => slots.push(("{addr}", address.clone())),
            Some(Change::Cancel) | None => {}
        }
        if let Some(order) = mail.purchase_order.map(|index| &self.purchase_orders[index]) {
            item = Some(order.item);
            date = order.due;
            slots.extend([("{pur}", order.id.clone()), ("{qty}", order.quantity.to_string())]);
        }
        if let Some(index) = mail.shipment {
            slots.extend([("{track}", self.shipments[index].tracking.clone()), ("{inv}", invoice_number(index))]);
            date = self.shipments[index].due.max(self.now) + DAY;
        }
        slots.push(("{sku}", item.map_or_else(String::new, |item| self.catalog.items[item].sku.clone())));
        slots.push(("{date}", day(date, dice)));
        slots
    }
}

/// Fills placeholders; a later entry wins over an earlier one.
fn fill(template: &str, slots: &[(&'static str, String)]) -> String {
    slots.iter().rev().fold(template.to_owned(), |text, (slot, value)| text.replace(slot, value))
}

/// A date as people write it.
fn day(second: i64, dice: &mut Dice) -> String {
    let date = timestamp(second).to_zoned(jiff::tz::TimeZone::UTC).date();
    match dice.whole(0, 3) {
        0 => date.to_string(),
        1 => format!("{:02}.{:02}.{}", date.day(), date.month(), date.year()),
        2 => format!("{} {}", date.day(), month(date.month())),
        _ => format!("{} {}, {}", month(date.month()), date.day(), date.year()),
    }
}

fn month(number: i8) -> &'static str {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"];
    NAMES[(number.clamp(1, 12) - 1) as usize]
}

fn channel(situation: Situation, role: &str, dice: &mut Dice) -> &'static str {
    match (situation, role) {
        (Situation::IntegrationFailure, _) => "edi_notice",
        (Situation::ApprovalReply, _) => dice.pick(&["chat", "email", "email"]),
        (_, "customer") => dice.pick(&["email", "email", "email", "email", "portal", "portal", "chat", "phone_note"]),
        (_, "supplier") => dice.pick(&["email", "email", "email", "edi_notice", "phone_note"]),
        (_, "carrier") => dice.pick(&["email", "email", "edi_notice", "phone_note"]),
        _ => "email",
    }
}
