//! Credit and invoice facts: the newest statement holds, whether it was made about the order or about its customer.

use jiff::Timestamp;

use super::build::{Cites, hours, in_currency};
use super::{CreditFacts, CustomerFacts, InvoiceFacts};
use crate::domain::event::EventRef;
use crate::domain::order::{Condition, Line, Order};
use crate::domain::payload::OrderStatus;
use crate::flow::objects::{Account, Stated};
use crate::ports::store::{StoreError, Transaction};

pub(super) async fn credit(
    tx: &mut dyn Transaction,
    (order, account, customer): (&Order, &Account, Option<&CustomerFacts>),
    now: Timestamp,
    cites: &mut Cites,
) -> Result<CreditFacts, StoreError> {
    let held =
        holding(tx, (order, "credit"), order.finance.credit_held.as_ref(), account.credit.as_ref(), cites).await?;
    let own = order.finance.payments.iter().max_by_key(|p| p.since);
    let whole = account.payment.as_ref();
    let payment = match (own, whole) {
        (Some(own), Some(whole)) if whole.at > own.since => Some((whole.at, &whole.amount)),
        (Some(own), _) => Some((own.since, &own.amount)),
        (None, whole) => whole.map(|w| (w.at, &w.amount)),
    };
    if let (Some((at, _)), Some(whole)) = (payment, whole)
        && at == whole.at
    {
        cites.insert("credit.payment".to_owned(), whole.cite.clone());
    } else if let Some(cite) = order.cites.get("payment") {
        cites.insert("credit.payment".to_owned(), cite.clone());
    }
    Ok(CreditFacts {
        held: held.is_some(),
        held_h: held.as_ref().map(|c| hours(c.since, now)),
        amount: held.and_then(|c| in_currency(c.amount.as_ref(), &order.currency)),
        over_limit: customer.and_then(|c| Some(c.credit_exposure? - c.credit_limit?)),
        payment_h: payment.map(|(at, _)| hours(at, now)),
        payment_amount: payment.and_then(|(_, amount)| in_currency(amount.as_ref(), &order.currency)),
    })
}

pub(super) async fn invoice(
    tx: &mut dyn Transaction,
    (order, account): (&Order, &Account),
    now: Timestamp,
    cites: &mut Cites,
) -> Result<InvoiceFacts, StoreError> {
    let stated = order.finance.invoice_blocked.as_ref();
    let blocked = holding(tx, (order, "invoice"), stated, account.invoice.as_ref(), cites).await?;
    Ok(InvoiceFacts {
        blocked: blocked.is_some(),
        blocked_h: blocked.as_ref().map(|c| hours(c.since, now)),
        amount: blocked.and_then(|c| in_currency(c.amount.as_ref(), &order.currency)),
        number: order.finance.invoices.last().cloned(),
        uninvoiced_h: shipped_whole(order).map(|at| hours(at, now)),
    })
}

/// The condition that holds for the order on `aspect`, from its own statements and those about its customer.
async fn holding(
    tx: &mut dyn Transaction,
    (order, aspect): (&Order, &str),
    own: Option<&Condition>,
    account: Option<&Stated>,
    cites: &mut Cites,
) -> Result<Option<Condition>, StoreError> {
    let cite: Option<&EventRef> = order.cites.get(aspect);
    if let Some(account) = account
        && stated_at(tx, own, cite).await?.is_none_or(|at| at < account.at)
    {
        cites.insert(aspect.to_owned(), account.cite.clone());
        return Ok(account.holds.then(|| Condition { since: account.at, amount: account.amount.clone() }));
    }
    if let Some(cite) = cite {
        cites.insert(aspect.to_owned(), cite.clone());
    }
    Ok(own.cloned())
}

/// When the order's own newest statement was made; a release leaves only its event behind.
async fn stated_at(
    tx: &mut dyn Transaction,
    own: Option<&Condition>,
    cite: Option<&EventRef>,
) -> Result<Option<Timestamp>, StoreError> {
    match (own, cite) {
        (Some(own), _) => Ok(Some(own.since)),
        (None, Some(cite)) => Ok(tx.event(cite).await?.map(|event| event.time)),
        (None, None) => Ok(None),
    }
}

/// When the last line shipped, where every line did and no line is invoiced.
fn shipped_whole(order: &Order) -> Option<Timestamp> {
    let lines: Vec<&Line> = order.lines.iter().filter(|l| !l.cancelled).collect();
    let all_shipped = lines.iter().all(|l| l.status >= OrderStatus::Shipped && l.status < OrderStatus::Invoiced);
    if lines.is_empty() || !all_shipped {
        return None;
    }
    lines.iter().map(|l| l.shipped_at.unwrap_or(l.status_at)).max()
}
