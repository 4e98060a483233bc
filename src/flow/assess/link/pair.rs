//! What a message and one of its candidates have in common: features for the ranker, clues for people.
//!
//! Guarantees: one piece of code for training and serving; features do not depend on the form of numbers or the size of a
//! business: matches count by how few other candidates share them. Non-goals: weights.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::pool::{Belongs, Candidate, Pool, Target};
use super::said::Said;
use super::{Read, decide, fit};
use crate::domain::message::{Clue, Intent, ScoredIntent, SenderRole, Trust};
use crate::domain::order::Order;
use crate::domain::party::normalised;
use crate::domain::payload::OrderStatus;
use crate::domain::words::stems;
use crate::flow::assess::sender::Identity;

/// Days between a promise and a day in the text that may still mean it.
const DAYS_NEAR: i32 = 4;
/// Days that are as good as any further ones.
const DAYS_FAR: f64 = 30.0;

/// A message with its candidates, in numbers.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Pairs {
    /// One row of [`FEATURES`](crate::ports::link::FEATURES) for each candidate.
    pub candidates: Vec<Vec<f64>>,
    /// [`MESSAGE`](crate::ports::link::MESSAGE).
    pub message: Vec<f64>,
    /// Whether a rule keeps the message from being attached, whatever its probability.
    pub barred: bool,
}

/// Everything that one candidate shares with the message.
#[derive(Clone, Debug, Default)]
pub(super) struct Match {
    near: Option<String>,
    /// By item: the stems that describe it.
    items: BTreeMap<String, BTreeSet<String>>,
    skus: BTreeSet<String>,
    quantities: BTreeSet<Decimal>,
    /// Whether one of the quantities is of an item that is named or described.
    quantity_of_item: bool,
    amounts: BTreeSet<Decimal>,
    date: Option<(Date, i32)>,
    place: BTreeSet<String>,
    /// Probability that the message is about the kind of an open case.
    case_fit: f64,
    status_fit: f64,
}

/// What each candidate shares with the message, in the order of the pool.
pub(super) fn matches(said: &Said, pool: &Pool, intents: &[ScoredIntent]) -> Vec<Match> {
    pool.candidates.iter().map(|candidate| Match::of(said, pool, candidate, intents)).collect()
}

impl Match {
    fn of(said: &Said, pool: &Pool, candidate: &Candidate, intents: &[ScoredIntent]) -> Self {
        let mut found = Self { near: near(said, candidate), ..Self::default() };
        for (sku, quantity) in candidate.items() {
            let described = pool.descriptions.get(sku).into_iter().flatten();
            let shared: BTreeSet<String> = described.filter(|stem| said.stems.contains(*stem)).cloned().collect();
            let named = said.skus.contains(sku) || said.stems.contains(&sku.to_lowercase());
            let quantity = quantity.normalize();
            if quantity > Decimal::ONE && said.numbers.contains(&quantity) {
                found.quantities.insert(quantity);
                found.quantity_of_item |= named || !shared.is_empty();
            }
            if named {
                found.skus.insert(sku.to_owned());
            }
            if !shared.is_empty() {
                found.items.insert(sku.to_owned(), shared);
            }
        }
        match &candidate.target {
            Target::Order(order, cases) => {
                found.amounts = amounts(said, order);
                found.place =
                    order.ship_to.iter().flat_map(|to| stems(to)).filter(|s| said.stems.contains(s)).collect();
                found.case_fit = cases.iter().map(|case| fit::of(case, intents)).fold(0.0, f64::max);
                found.status_fit = status_fit(order, intents);
                let days = order
                    .lines
                    .iter()
                    .flat_map(|line| line.promised_ship_at().into_iter().chain(line.requested_ship_at));
                found.date = nearest(said, days.map(|at| at.to_zoned(TimeZone::UTC).date()));
            }
            Target::PurchaseOrder(order) => {
                let days = order.due_at.into_iter().chain(order.confirmed_at);
                found.date = nearest(said, days.map(|at| at.to_zoned(TimeZone::UTC).date()));
                let supply = |scored: &&ScoredIntent| is_about(SUPPLY, scored.intent);
                found.status_fit = intents.iter().filter(supply).map(|scored| scored.probability).sum();
            }
        }
        found
    }

    /// Items that the text names or describes.
    pub(super) fn items_named(&self) -> BTreeSet<String> {
        self.skus.iter().chain(self.items.keys()).cloned().collect()
    }

    fn words(&self) -> BTreeSet<&String> {
        self.items.values().flatten().collect()
    }

    /// What speaks for the candidate, in the words of the domain.
    pub(super) fn clues(&self, candidate: &Candidate) -> Vec<Clue> {
        let mut clues: Vec<Clue> = Vec::new();
        for mention in &candidate.mentions {
            clues.push(match &candidate.target {
                Target::Order(..) => Clue::Reference { entity: mention.kind, value: mention.value.clone() },
                Target::PurchaseOrder(order) => Clue::Supply { purchase_order_id: order.purchase_order_id.clone() },
            });
        }
        clues.dedup();
        clues.extend(candidate.thread.then_some(Clue::Thread));
        clues.extend((candidate.belongs == Belongs::Own).then_some(Clue::Sender));
        clues.extend(self.near.iter().map(|value| Clue::NearReference { value: value.clone() }));
        if !candidate.named.1.is_empty() {
            clues.push(Clue::Name { words: candidate.named.1.clone() });
        }
        clues.extend(self.skus.iter().map(|sku| Clue::Item { sku: sku.clone() }));
        let words = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>();
        clues.extend(self.items.iter().map(|(sku, stems)| Clue::Words { sku: sku.clone(), words: words(stems) }));
        clues.extend(self.quantities.iter().map(|value| Clue::Quantity { value: value.to_string() }));
        clues.extend(self.amounts.iter().map(|value| Clue::Amount { value: value.to_string() }));
        clues.extend(self.date.iter().map(|(date, _)| Clue::Date { date: date.to_string() }));
        if !self.place.is_empty() {
            clues.push(Clue::Place { words: words(&self.place) });
        }
        clues
    }
}

/// The features of every candidate and of the message.
pub(super) fn pairs(said: &Said, pool: &Pool, found: &[Match], read: &Read<'_>) -> Pairs {
    let list = List::of(pool, found);
    let row = |(candidate, found): (&Candidate, &Match)| {
        let mut row = features(candidate, found, &list, read.sender);
        row.extend(standing(said, candidate, found, &list, read.sent));
        row
    };
    Pairs {
        candidates: pool.candidates.iter().zip(found).map(row).collect(),
        message: message(said, pool, found, &list, read),
        barred: decide::barred(pool, found).is_some(),
    }
}

/// The order that the text names, and another of its sender's that it describes no less and by an item's quantity too, where the
/// named one has no such line: then nobody knows which is meant.
pub(super) fn described_instead<'a>(pool: &'a Pool, found: &[Match]) -> Option<(&'a str, &'a str)> {
    let all = || pool.candidates.iter().zip(found);
    let is_bare = |(named, its): &(&Candidate, &Match)| !named.mentions.is_empty() && !its.quantity_of_item;
    // Most texts are spared the counts.
    all().find(is_bare)?;
    let list = List::of(pool, found);
    let weight = |found: &Match| list.weight(&found.words());
    all().filter(is_bare).find_map(|(named, its)| {
        let is_described = |(other, theirs): &(&Candidate, &Match)| {
            let own = other.mentions.is_empty() && other.belongs == Belongs::Own;
            own && theirs.quantity_of_item && weight(theirs) >= weight(its)
        };
        all().find(is_described).map(|(other, _)| (named.id(), other.id()))
    })
}

/// What the candidates share among themselves.
struct List {
    size: f64,
    referenced: usize,
    words: BTreeMap<String, usize>,
    places: BTreeMap<String, usize>,
    quantities: BTreeMap<Decimal, usize>,
    words_most: f64,
    named_most: f64,
    fitting: usize,
    /// Places of the orders from the newest.
    age: BTreeMap<String, usize>,
    /// How many candidates have an item that the text names or describes.
    items: BTreeMap<String, usize>,
    own_live: usize,
}

fn count<T: Ord>(all: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    all.for_each(|one| *counts.entry(one).or_insert(0) += 1);
    counts
}

impl List {
    fn of(pool: &Pool, found: &[Match]) -> Self {
        let mut placed: Vec<(std::cmp::Reverse<jiff::Timestamp>, &str)> = pool
            .candidates
            .iter()
            .filter_map(|candidate| match &candidate.target {
                Target::Order(order, _) => Some((std::cmp::Reverse(order.placed_at), candidate.id())),
                Target::PurchaseOrder(_) => None,
            })
            .collect();
        placed.sort();
        let mut list = Self {
            size: pool.candidates.len() as f64,
            referenced: pool.candidates.iter().filter(|candidate| candidate.is_direct()).count(),
            words: count(found.iter().flat_map(|found| found.words().into_iter().cloned())),
            places: count(found.iter().flat_map(|found| found.place.iter().cloned())),
            quantities: count(found.iter().flat_map(|found| found.quantities.iter().copied())),
            words_most: 0.0,
            named_most: pool.candidates.iter().map(|candidate| candidate.named.0).fold(0.0, f64::max),
            fitting: found.iter().filter(|found| found.case_fit > 0.3).count(),
            items: count(found.iter().flat_map(Match::items_named)),
            own_live: pool.candidates.iter().filter(|candidate| is_own_live(candidate)).count(),
            age: placed.into_iter().enumerate().map(|(at, (_, id))| (id.to_owned(), at)).collect(),
        };
        list.words_most = found.iter().map(|found| list.weight(&found.words())).fold(0.0, f64::max);
        list
    }

    /// How much some words say: one that all candidates share says nothing, one that only one has says most.
    fn weight(&self, words: &BTreeSet<&String>) -> f64 {
        let of = |word: &&String| self.rarity(self.words.get(*word).copied().unwrap_or(1));
        words.iter().map(of).sum()
    }

    fn rarity(&self, sharing: usize) -> f64 {
        ((self.size + 1.0) / sharing as f64).ln() / (self.size + 1.0).ln()
    }
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn features(candidate: &Candidate, found: &Match, list: &List, sender: &Identity) -> Vec<f64> {
    let referenced = candidate.is_named();
    let quoted = !referenced && !candidate.mentions.is_empty();
    let direct = candidate.is_direct();
    let words = found.words();
    let weight = list.weight(&words);
    let stranger = sender.party.is_none() && sender.role == SenderRole::Unknown;
    let places: f64 = found.place.iter().map(|word| list.rarity(list.places[word])).sum();
    let fits = found.case_fit > 0.3;
    let (is_order, has_case) = match &candidate.target {
        Target::Order(_, cases) => (true, !cases.is_empty()),
        Target::PurchaseOrder(_) => (false, false),
    };
    let own = match (candidate.belongs, sender.trust) {
        (Belongs::Own, Trust::VerifiedContact) => 1.0,
        (Belongs::Own, _) => 0.8,
        _ => 0.0,
    };
    vec![
        flag(referenced),
        flag(quoted),
        (candidate.mentions.len().saturating_sub(1).min(2)) as f64,
        flag(found.near.is_some() && !direct),
        flag(candidate.thread),
        flag(!direct && list.referenced > 0),
        flag(direct && list.referenced > 1),
        own,
        flag(candidate.belongs == Belongs::Other),
        flag(direct && stranger),
        candidate.named.0.min(2.0),
        flag(list.named_most > candidate.named.0 + 0.2),
        weight.min(4.0),
        if list.words_most > 0.0 { weight / list.words_most } else { 0.0 },
        flag(words.iter().any(|word| list.words[*word] == 1)),
        flag(!found.skus.is_empty()),
        found.quantities.len().min(2) as f64,
        flag(found.quantities.iter().any(|quantity| list.quantities[quantity] == 1)),
        flag(found.quantity_of_item),
        found.amounts.len().min(2) as f64,
        flag(found.date.is_some_and(|(_, days)| days <= 1)),
        flag(found.date.is_some()),
        places.min(3.0),
        flag(found.place.iter().any(|word| list.places[word] == 1)),
        flag(has_case),
        found.case_fit,
        flag(fits && list.fitting == 1),
        found.status_fit,
        list.age.get(candidate.id()).map_or(0.0, |at| 1.0 / (1.0 + *at as f64)),
        flag(!is_order),
    ]
}

/// Whether an order can still ship, be delivered or be invoiced; a purchase order counts as such.
fn is_live(candidate: &Candidate) -> bool {
    match &candidate.target {
        Target::Order(order, _) => order.is_live(),
        Target::PurchaseOrder(_) => true,
    }
}

fn is_own_live(candidate: &Candidate) -> bool {
    candidate.belongs == Belongs::Own && is_live(candidate)
}

/// How the candidate stands among the others and in time: the features behind `purchase_order`.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn standing(said: &Said, candidate: &Candidate, found: &Match, list: &List, sent: Date) -> [f64; 9] {
    let short = !candidate.mentions.is_empty() && candidate.mentions.iter().all(|mention| mention.short);
    let elsewhere = said.skus.iter().any(|sku| list.items.contains_key(sku) && !found.skus.contains(sku));
    let rivals = found.items_named().iter().map(|sku| list.items[sku] - 1).max().unwrap_or(0);
    let days = |at: jiff::Timestamp| {
        let day = at.to_zoned(TimeZone::UTC).date();
        sent.until(day).map_or(0.0, |span| f64::from(span.get_days()))
    };
    let (status, age, due_in, lines) = match &candidate.target {
        Target::Order(order, _) => {
            let status = order.lines.iter().filter(|line| !line.cancelled).map(|line| line.status).min();
            let due = order.lines.iter().filter_map(|line| line.promised_ship_at()).min();
            let age = (1.0 - days(order.placed_at).min(0.0)).ln();
            (status.map_or(-1.0, |status| status as u8 as f64), age, due.map_or(0.0, days), order.lines.len())
        }
        Target::PurchaseOrder(order) => (-2.0, 0.0, order.due_at.map_or(0.0, days), 1),
    };
    let live = is_live(candidate);
    [
        flag(short),
        flag(elsewhere),
        rivals.min(5) as f64,
        status,
        flag(live),
        flag(is_own_live(candidate) && list.own_live == 1),
        age,
        due_in.clamp(-DAYS_FAR, DAYS_FAR),
        lines.min(10) as f64,
    ]
}

/// The group of what suppliers say of their deliveries.
const SUPPLY: usize = 0;

/// Groups of intents that are about the same things, in the order of the message's features.
fn is_about(group: usize, intent: Intent) -> bool {
    use Intent as I;
    let of = match intent {
        I::SupplyDelay | I::SupplyShortage | I::SupplyConfirmation | I::CostChange => SUPPLY,
        I::PickupFailure | I::TransitDelay | I::DeliveryFailure => 1,
        I::DeliveryClaim => 2,
        I::OrderStatus | I::ExpediteRequest => 3,
        I::PostponeRequest
        | I::QuantityChange
        | I::ItemChange
        | I::CancelRequest
        | I::ShipToChange
        | I::BackorderResponse => 4,
        I::PriceDispute | I::InvoiceQuery => 5,
        I::PaymentNotice | I::CreditRequest => 6,
        I::DocumentRequest => 7,
        I::IntegrationFailure => 8,
        I::ApprovalReply => 9,
        I::Irrelevant => return false,
    };
    of == group
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn message(said: &Said, pool: &Pool, found: &[Match], list: &List, read: &Read<'_>) -> Vec<f64> {
    let (sender, intents) = (read.sender, read.intents);
    let irrelevant = intents.iter().find(|scored| scored.intent == Intent::Irrelevant);
    let parties: BTreeSet<&[String]> = pool.candidates.iter().map(|candidate| candidate.named.1.as_slice()).collect();
    let described = || pool.candidates.iter().zip(found).filter(|(_, found)| !found.items.is_empty());
    let about = |group: usize| -> f64 {
        intents.iter().filter(|scored| is_about(group, scored.intent)).map(|scored| scored.probability).sum()
    };
    let mut row = vec![
        (1.0 + list.size).ln(),
        flag(sender.trust == Trust::VerifiedContact),
        flag(sender.trust == Trust::KnownDomain),
        flag(sender.role == SenderRole::Internal),
        flag(sender.role == SenderRole::Unknown),
        said.unknown.len().min(3) as f64,
        said.several.min(2) as f64,
        list.referenced.min(4) as f64,
        irrelevant.map_or(0.0, |scored| scored.probability),
        (1.0 + said.words as f64).ln(),
        flag(list.referenced == 0),
        parties.iter().filter(|words| !words.is_empty()).count().min(3) as f64,
        flag(pool.stranger),
        flag(read.message.from.email.is_none()),
        list.own_live.min(10) as f64,
        found.iter().filter(|found| found.quantity_of_item).count().min(5) as f64,
        described().count().min(10) as f64,
        described().filter(|(candidate, _)| is_live(candidate)).count().min(10) as f64,
    ];
    row.extend((0..10).map(about));
    row
}

/// A reference of the candidate that an unknown token is but for one character, or whose number it ends.
fn near(said: &Said, candidate: &Candidate) -> Option<String> {
    let references: Vec<String> = match &candidate.target {
        Target::Order(order, _) => {
            let tracking = order.shipments.values().filter_map(|shipment| shipment.tracking_number.as_deref());
            let all = [Some(order.order_id.as_str()), order.po_number.as_deref()].into_iter().flatten();
            all.chain(tracking).chain(order.finance.invoices.iter().map(String::as_str)).map(normalised).collect()
        }
        Target::PurchaseOrder(order) => vec![normalised(&order.purchase_order_id)],
    };
    let is_near = |reference: &&String| said.unknown.iter().any(|token| alike(token, reference));
    references.iter().find(is_near).cloned()
}

/// Whether two references differ by one character (put in, left out, changed, or two exchanged), or one is the end of the
/// other, with four characters in common.
fn alike(token: &str, reference: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (token.chars().collect(), reference.chars().collect());
    if a.len().min(b.len()) >= 4 && (reference.ends_with(token) || token.ends_with(reference)) {
        return true;
    }
    if a.len().min(b.len()) < 5 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let rest = a.len().max(b.len()).saturating_sub(head + tail);
    let swapped = a.len() == b.len() && rest == 2 && a[head] == b[head + 1] && a[head + 1] == b[head];
    rest <= 1 || swapped
}

/// Amounts in the text that are a price, a line's value or the value of the order.
fn amounts(said: &Said, order: &Order) -> BTreeSet<Decimal> {
    let lines = order.lines.iter().flat_map(|line| line.unit_price.into_iter().chain(line.value()));
    let all = lines.chain([order.value().amount]).map(|amount| amount.round_dp(2).normalize());
    let large = |amount: &Decimal| *amount > Decimal::TEN && !amount.is_integer();
    all.filter(|amount| said.amounts.contains(amount) || (large(amount) && said.numbers.contains(amount))).collect()
}

/// The day in the text that is nearest to one of `days`, and how many days lie between.
fn nearest(said: &Said, days: impl Iterator<Item = Date>) -> Option<(Date, i32)> {
    let days: Vec<Date> = days.collect();
    let between = |a: Date, b: Date| a.until(b).map_or(i32::MAX, |span| span.get_days().abs());
    let all = said.dates.iter().flat_map(|said| days.iter().map(move |day| (*said, between(*said, *day))));
    all.filter(|(_, days)| *days <= DAYS_NEAR).min_by_key(|(date, days)| (*days, *date))
}

/// Probability of intents that people have about an order in its state.
fn status_fit(order: &Order, intents: &[ScoredIntent]) -> f64 {
    let status = order.lines.iter().filter(|line| !line.cancelled).map(|line| line.status).min();
    let Some(status) = status else { return 0.0 };
    let fits = |scored: &&ScoredIntent| match scored.intent {
        Intent::DeliveryClaim | Intent::DeliveryFailure | Intent::TransitDelay => status >= OrderStatus::Shipped,
        Intent::InvoiceQuery | Intent::PaymentNotice => status >= OrderStatus::Shipped,
        Intent::ApprovalReply | Intent::Irrelevant | Intent::DocumentRequest => false,
        _ => status < OrderStatus::Shipped,
    };
    intents.iter().filter(fits).map(|scored| scored.probability).sum()
}
