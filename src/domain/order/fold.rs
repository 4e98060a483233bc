//! Folding events into an order.

use super::*;
use crate::domain::action::ActionKind;
use crate::domain::payload::{
    ExceptionCleared, FinanceCondition, IntegrationFailed, OrderChanged, OrderPlaced, OrderStatusChanged,
    OutcomeRecorded, PlacedLine, ShipmentMilestone,
};

impl Order {
    /// The order that `events` describe, or `None` while its placement is unknown. Sorts by (time, identity) with the first
    /// placement in front, so the order of arrival does not matter.
    #[must_use]
    pub fn fold(events: &[Event]) -> Option<Self> {
        let mut sorted: Vec<&Event> = events.iter().collect();
        sorted.sort_by_key(|e| e.order_key());
        let first = sorted.iter().position(|e| matches!(e.payload, Payload::OrderPlaced(_)))?;
        let placement = sorted.remove(first);
        let mut order = match &placement.payload {
            Payload::OrderPlaced(placed) => Self::placed(placed, placement),
            _ => return None,
        };
        for event in sorted {
            order.apply(event);
        }
        Some(order)
    }

    /// Whether `event` is newer than everything folded in, so that [`Self::apply`] suffices.
    #[must_use]
    pub fn is_next(&self, event: &Event) -> bool {
        (event.time, &event.reference) > (self.last.0, &self.last.1)
    }

    fn placed(placed: &OrderPlaced, event: &Event) -> Self {
        let mut order = Self {
            order_id: placed.order_id.clone(),
            customer_id: placed.customer_id.clone(),
            po_number: placed.po_number.clone(),
            channel: placed.channel.clone(),
            placed_at: placed.placed_at,
            currency: placed.currency.clone(),
            ship_to: placed.ship_to.clone().filter(|s| !s.trim().is_empty()),
            warehouse_id: placed.warehouse_id.clone(),
            carrier_id: placed.carrier_id.clone(),
            revision: 1,
            cancelled: false,
            lines: placed.lines.iter().map(|l| Line::placed(l, placed.placed_at)).collect(),
            shipments: BTreeMap::new(),
            finance: Finance::default(),
            integration: BTreeMap::new(),
            requested_change: None,
            raised: Vec::new(),
            actions: Vec::new(),
            cites: BTreeMap::new(),
            last: (event.time, event.reference.clone()),
        };
        order.cite("placed", event);
        order
    }

    fn cite(&mut self, aspect: impl Into<String>, event: &Event) {
        self.cites.insert(aspect.into(), event.reference.clone());
    }

    fn line_mut(&mut self, line_no: u32) -> Option<&mut Line> {
        self.lines.iter_mut().find(|l| l.line_no == line_no)
    }

    /// Applies one event that is about this order; events about other objects change nothing.
    pub fn apply(&mut self, event: &Event) {
        match &event.payload {
            Payload::OrderPlaced(placed) => self.replaced(placed, event),
            Payload::OrderChanged(change) => self.changed(change, event),
            Payload::OrderCancelled(c) => {
                match c.line_no {
                    None => self.cancelled = true,
                    Some(no) => {
                        if let Some(line) = self.line_mut(no) {
                            line.cancelled = true;
                        }
                    }
                }
                self.revision = c.revision.unwrap_or(self.revision + 1);
                self.cite("cancelled", event);
            }
            Payload::OrderPromised(p) => {
                if let Some(line) = self.line_mut(p.line_no) {
                    line.promises.push(Promise { made_at: event.time, promised_ship_at: p.promised_ship_at });
                    self.cite(format!("line:{}:promise", p.line_no), event);
                }
            }
            Payload::OrderStatus(status) => self.progressed(status, event),
            Payload::ShipmentMilestone(milestone) => self.moved(milestone, event),
            Payload::FinanceCondition(condition) => self.financed(condition, event),
            Payload::IntegrationFailed(failure) => self.integration_failed(failure, event),
            Payload::ExceptionRaised(raised) => {
                self.raised.retain(|r| (r.category, r.line_no) != (raised.category, raised.line_no));
                self.raised.push(Raised {
                    category: raised.category,
                    line_no: raised.line_no,
                    detail: raised.detail.clone(),
                    attributes: raised.attributes.clone(),
                    at: event.time,
                });
                self.cite(format!("raised:{}:{}", raised.category.name(), raised.line_no.unwrap_or(0)), event);
            }
            Payload::ExceptionCleared(ExceptionCleared { category, line_no, .. }) => {
                self.raised.retain(|r| (r.category, r.line_no) != (*category, *line_no));
                if *category == Category::PricingDiscrepancy {
                    self.accept_price(*line_no);
                }
                self.cite(format!("raised:{}:{}", category.name(), line_no.unwrap_or(0)), event);
            }
            Payload::ActionExecuted(a) => self.acted(&a.action, a.line_no, a.proposal_id.clone(), false, event),
            Payload::ActionFailed(a) => self.acted(&a.action, a.line_no, a.proposal_id.clone(), true, event),
            Payload::OutcomeRecorded(outcome) => self.ended(outcome, event),
            _ => return,
        }
        let stamp = (event.time, event.reference.clone());
        if stamp > self.last {
            self.last = stamp;
        }
    }

    /// A second placement of the same order updates header and lines, as a change would.
    fn replaced(&mut self, placed: &OrderPlaced, event: &Event) {
        self.ship_to = placed.ship_to.clone().filter(|s| !s.trim().is_empty());
        self.warehouse_id.clone_from(&placed.warehouse_id);
        self.carrier_id.clone_from(&placed.carrier_id);
        for line in &placed.lines {
            match self.line_mut(line.line_no) {
                None => self.lines.push(Line::placed(line, placed.placed_at)),
                Some(known) => {
                    known.sku.clone_from(&line.sku);
                    known.quantity = line.quantity;
                    known.price_accepted &= known.unit_price == line.unit_price;
                    known.unit_price = line.unit_price;
                }
            }
        }
        self.revision += 1;
        self.cite("placed", event);
    }

    fn changed(&mut self, change: &OrderChanged, event: &Event) {
        if change.requested {
            self.requested_change = Some(RequestedChange {
                at: event.time,
                by: change.by.clone(),
                ship_to: change.ship_to.clone(),
                lines: change.lines.clone(),
            });
            self.cite("requested_change", event);
            return;
        }
        if let Some(ship_to) = &change.ship_to {
            self.ship_to = Some(ship_to.clone()).filter(|s| !s.trim().is_empty());
            self.cite("ship_to", event);
        }
        if change.warehouse_id.is_some() {
            self.warehouse_id.clone_from(&change.warehouse_id);
        }
        if change.carrier_id.is_some() {
            self.carrier_id.clone_from(&change.carrier_id);
        }
        for wanted in &change.lines {
            if let Some(line) = self.line_mut(wanted.line_no) {
                line.change(wanted);
                self.cite(format!("line:{}:change", wanted.line_no), event);
            }
        }
        self.revision = change.revision.unwrap_or(self.revision + 1);
        self.requested_change = None;
        self.cite("change", event);
    }

    fn progressed(&mut self, status: &OrderStatusChanged, event: &Event) {
        let lines = self.lines.iter_mut().filter(|l| status.line_no.is_none_or(|no| no == l.line_no));
        let mut cited = Vec::new();
        for line in lines {
            line.status = status.status;
            line.status_at = status.at;
            if status.status == OrderStatus::Shipped && line.shipped_at.is_none() {
                line.shipped_at = Some(status.at);
            }
            cited.push(format!("line:{}:status", line.line_no));
        }
        for aspect in cited {
            self.cite(aspect, event);
        }
    }

    fn moved(&mut self, m: &ShipmentMilestone, event: &Event) {
        let before = self.shipments.get(&m.shipment_id);
        let shipment = Shipment {
            carrier_id: m.carrier_id.clone().or_else(|| before.and_then(|b| b.carrier_id.clone())),
            tracking_number: m.tracking_number.clone().or_else(|| before.and_then(|b| b.tracking_number.clone())),
            milestone: m.milestone,
            code: m.code.clone(),
            at: m.at,
            estimated_at: m.estimated_at.or_else(|| before.and_then(|b| b.estimated_at)),
            detail: m.detail.clone(),
        };
        self.shipments.insert(m.shipment_id.clone(), shipment);
        self.cite(format!("shipment:{}", m.shipment_id), event);
    }

    fn financed(&mut self, condition: &FinanceCondition, event: &Event) {
        let stated = Condition { since: event.time, amount: condition.amount.clone() };
        let aspect = match condition.kind {
            FinanceKind::CreditHeld => {
                self.finance.credit_held = Some(stated);
                "credit"
            }
            FinanceKind::CreditReleased => {
                self.finance.credit_held = None;
                "credit"
            }
            FinanceKind::InvoiceBlocked => {
                self.finance.invoice_blocked = Some(stated);
                "invoice"
            }
            FinanceKind::InvoiceReleased => {
                self.finance.invoice_blocked = None;
                "invoice"
            }
            FinanceKind::PaymentReceived => {
                self.finance.payments.push(stated);
                "payment"
            }
        };
        if let Some(number) = &condition.invoice_number
            && !self.finance.invoices.contains(number)
        {
            self.finance.invoices.push(number.clone());
        }
        self.cite(aspect, event);
    }

    fn integration_failed(&mut self, f: &IntegrationFailed, event: &Event) {
        let key = format!("{}/{}", f.interface, f.document_type);
        if f.resolved {
            self.integration.remove(&key);
        } else {
            let since = self.integration.get(&key).map_or(event.time, |i| i.since);
            let issue = IntegrationIssue {
                system: f.system.clone(),
                interface: f.interface.clone(),
                document_type: f.document_type.clone(),
                error_code: f.error_code.clone(),
                detail: f.detail.clone(),
                attempt: f.attempt.unwrap_or(1),
                since,
            };
            self.integration.insert(key.clone(), issue);
        }
        self.cite(format!("integration:{key}"), event);
    }

    fn accept_price(&mut self, line_no: Option<u32>) {
        for line in self.lines.iter_mut().filter(|l| line_no.is_none_or(|no| no == l.line_no)) {
            line.price_accepted = true;
        }
    }

    fn acted(&mut self, action: &str, line_no: Option<u32>, proposal_id: Option<String>, failed: bool, event: &Event) {
        if action == ActionKind::ApprovePrice.name() && !failed {
            self.accept_price(line_no);
        }
        self.actions.push(Done { action: action.to_owned(), line_no, proposal_id, at: event.time, failed });
        self.cite(format!("action:{action}"), event);
    }

    fn ended(&mut self, outcome: &OutcomeRecorded, event: &Event) {
        if let Some(line) = self.line_mut(outcome.line_no) {
            line.outcome = Some(LineOutcome {
                missed: outcome.missed,
                split: outcome.split,
                shipped_at: outcome.shipped_at,
                costs: outcome.costs.clone(),
            });
            line.shipped_at = line.shipped_at.or(outcome.shipped_at);
            self.cite(format!("line:{}:outcome", outcome.line_no), event);
        }
    }
}

impl Line {
    fn placed(placed: &PlacedLine, at: Timestamp) -> Self {
        Self {
            line_no: placed.line_no,
            sku: placed.sku.clone(),
            quantity: placed.quantity,
            unit_price: placed.unit_price,
            price_accepted: false,
            requested_ship_at: placed.requested_ship_at,
            promises: placed
                .promised_ship_at
                .map(|promised_ship_at| Promise { made_at: at, promised_ship_at })
                .into_iter()
                .collect(),
            warehouse_id: None,
            status: OrderStatus::Received,
            status_at: at,
            shipped_at: None,
            cancelled: false,
            outcome: None,
        }
    }

    fn change(&mut self, wanted: &LineChange) {
        if let Some(sku) = &wanted.sku {
            self.sku.clone_from(sku);
        }
        self.quantity = wanted.quantity.unwrap_or(self.quantity);
        if wanted.unit_price.is_some() {
            self.unit_price = wanted.unit_price;
            self.price_accepted = false;
        }
        self.requested_ship_at = wanted.requested_ship_at.or(self.requested_ship_at);
        if wanted.warehouse_id.is_some() {
            self.warehouse_id.clone_from(&wanted.warehouse_id);
        }
        self.cancelled |= wanted.cancelled;
    }
}
