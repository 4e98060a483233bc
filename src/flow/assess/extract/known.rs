//! What the service knows of the tokens of a text: its own numbers, their abbreviations, near misses and shapes.
//!
//! Guarantees: no number format is written down here. What a number looks like is learned from the numbers that the store
//! holds; a near miss is one edit (a digit, a letter taken for a digit, a swap of neighbours) away from exactly one of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::message::{EntityType, SenderRole};
use crate::domain::party::{ObjectKind, TAIL, item_parts, shape, tail};
use crate::domain::payload::MessageReceived;
use crate::ports::store::objects::{KnownNumber, ReferenceHit};
use crate::ports::store::{StoreError, Transaction};

/// Numbers that an abbreviation may stand for; more say nothing.
const SHORT_FOR_MAX: usize = 12;
/// Longest token that may be an abbreviation, in letters and digits.
const SHORT_MAX: usize = 9;
/// Tokens of one message that are looked up with a slip in them.
const NEAR_TOKENS_MAX: usize = 20;
/// Shortest token that may be a misspelt number.
const NEAR_MIN: usize = 5;

/// A part of a text that may be an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As written.
    pub text: String,
    /// Upper case, only letters and digits: the form in which the store keeps references.
    pub normalised: String,
}

/// What the store knows of a message's tokens, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Orders, purchase orders, shipments and invoices by normalised token, also where the token is the end of their number.
    pub references: BTreeMap<String, Vec<ReferenceHit>>,
    /// Item numbers by normalised token.
    pub items: BTreeMap<String, String>,
    /// The sender's role: a customer's order is ours, a supplier's order is our purchase order.
    pub role: SenderRole,
    /// By normalised token, the known number that it may be a misspelling of.
    pub near: BTreeMap<String, (EntityType, String)>,
    /// Normalised tokens of `references` and `items` that are only a part of the number.
    pub short: BTreeSet<String>,
    /// By normalised token, types of known numbers of its shape.
    pub shapes: BTreeMap<String, BTreeSet<EntityType>>,
    /// Whether the store holds any number at all.
    pub filled: bool,
}

impl Known {
    /// Nothing but the sender's role.
    #[must_use]
    pub fn nothing(role: SenderRole) -> Self {
        let (references, items, near) = Default::default();
        Self { references, items, role, near, short: BTreeSet::new(), shapes: BTreeMap::new(), filled: false }
    }

    /// Matches tokens with `numbers` (all that may match them, or simply all), and with types by shape; `None` where no number is
    /// known at all.
    #[must_use]
    pub fn matched(
        role: SenderRole,
        tokens: &[Token],
        numbers: &[KnownNumber],
        shapes: Option<&BTreeSet<(String, EntityType)>>,
    ) -> Self {
        let mut known = Self { filled: shapes.is_some(), ..Self::nothing(role) };
        let mut by_form: BTreeMap<&str, Vec<&KnownNumber>> = BTreeMap::new();
        for number in numbers.iter().filter(|number| EntityType::parse(&number.hit.entity).is_some()) {
            by_form.entry(&number.normalised).or_default().push(number);
        }
        for token in tokens {
            let key = token.normalised.as_str();
            let of_shape: BTreeSet<EntityType> =
                shapes.into_iter().flatten().filter(|(of, _)| *of == shape(key)).map(|(_, kind)| *kind).collect();
            if !of_shape.is_empty() {
                known.shapes.insert(key.to_owned(), of_shape);
            }
            let ends: Vec<&KnownNumber> = numbers.iter().filter(|number| stands_for(key, number)).collect();
            if let Some(exact) = by_form.get(key) {
                known.add(key, exact);
            } else if !ends.is_empty() && ends.len() <= SHORT_FOR_MAX {
                known.short.insert(key.to_owned());
                known.add(key, &ends);
            } else if let Some(near) = near(key, &by_form) {
                known.near.insert(key.to_owned(), near);
            }
        }
        known
    }

    fn add(&mut self, key: &str, numbers: &[&KnownNumber]) {
        for number in numbers {
            if number.hit.object == ObjectKind::Item {
                self.items.entry(key.to_owned()).or_insert_with(|| number.hit.key.clone());
            } else {
                self.references.entry(key.to_owned()).or_default().push(number.hit.clone());
            }
        }
    }

    /// Types of the known numbers that a normalised token is, or is short for.
    #[must_use]
    pub fn kinds(&self, key: &str) -> BTreeSet<EntityType> {
        let references =
            self.references.get(key).into_iter().flatten().filter_map(|hit| EntityType::parse(&hit.entity));
        references.chain(self.items.contains_key(key).then_some(EntityType::Sku)).collect()
    }
}

/// What the store knows of the tokens of a message's subject and body.
///
/// # Errors
/// [`StoreError`].
pub async fn load(tx: &mut dyn Transaction, message: &MessageReceived, role: SenderRole) -> Result<Known, StoreError> {
    let subject = message.subject.as_deref().map(super::candidates).unwrap_or_default();
    let tokens: Vec<Token> = subject.into_iter().chain(super::candidates(&message.body)).collect();
    let forms: Vec<String> = tokens.iter().map(|token| token.normalised.clone()).collect();
    let asked: Vec<String> = forms.iter().map(|form| shape(form)).collect();
    let Some(shapes) = tx.number_shapes(&asked).await? else { return Ok(Known::nothing(role)) };
    let of = |(shape, entity): (String, String)| Some((shape, EntityType::parse(&entity)?));
    let shapes: BTreeSet<(String, EntityType)> = shapes.into_iter().filter_map(of).collect();
    let digits = |form: &str| form.bytes().filter(u8::is_ascii_digit).count() >= 3;
    let short = forms.iter().filter(|form| (TAIL..=SHORT_MAX).contains(&form.len()) && digits(form));
    let tails: Vec<String> = short.map(|form| tail(form).to_owned()).collect();
    let one: Vec<String> = forms.iter().filter_map(|form| form.strip_suffix('S').map(str::to_owned)).collect();
    let mut numbers = tx.known_numbers(&[forms.clone(), one].concat(), &tails).await?;
    let exact: BTreeSet<&str> = numbers.iter().map(|number| number.normalised.as_str()).collect();
    let odd = forms.iter().filter(|form| form.len() >= NEAR_MIN && digits(form) && !exact.contains(form.as_str()));
    let edits: Vec<String> = odd.take(NEAR_TOKENS_MAX).flat_map(|form| edits(form)).collect();
    numbers.extend(tx.known_numbers(&edits, &[]).await?);
    Ok(Known::matched(role, &tokens, &numbers, Some(&shapes)))
}

/// The one known number that a token may be a misspelling of.
fn near(key: &str, by_form: &BTreeMap<&str, Vec<&KnownNumber>>) -> Option<(EntityType, String)> {
    if key.len() < NEAR_MIN {
        return None;
    }
    let forms = edits(key);
    let mut found: Vec<&KnownNumber> =
        forms.iter().filter_map(|form| by_form.get(form.as_str())).flatten().copied().collect();
    found.dedup_by(|a, b| a.hit.entity == b.hit.entity && a.normalised == b.normalised);
    let [only] = found[..] else { return None };
    let kind = EntityType::parse(&only.hit.entity)?;
    let is_key = matches!(kind, EntityType::OrderNo | EntityType::PurchaseOrderNo | EntityType::Sku);
    Some((kind, if is_key { only.hit.key.clone() } else { only.normalised.clone() }))
}

/// Whether a token is the end of a number, or whole parts of an item's.
fn stands_for(key: &str, number: &KnownNumber) -> bool {
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    if number.hit.object == ObjectKind::Item {
        // `22220s` are several of them.
        let one = key.strip_suffix('S').unwrap_or(key);
        return digits >= 2 && item_parts(&number.hit.key).iter().any(|part| part == key || part == one);
    }
    key.len() >= TAIL && digits >= 3 && key.len() < number.normalised.len() && number.normalised.ends_with(key)
}

/// Every text one edit away that a slip of the fingers or eyes makes of a number.
#[must_use]
pub fn edits(key: &str) -> BTreeSet<String> {
    let chars: Vec<char> = key.chars().collect();
    let mut found = BTreeSet::new();
    let alike: &[(char, char)] = &[('O', '0'), ('I', '1'), ('L', '1'), ('S', '5'), ('B', '8'), ('Z', '2')];
    for at in 0..chars.len() {
        let mut with = |c: char| {
            let mut other = chars.clone();
            other[at] = c;
            found.insert(other.into_iter().collect::<String>());
        };
        if chars[at].is_ascii_digit() {
            ('0'..='9').for_each(&mut with);
        }
        alike.iter().filter(|(letter, _)| *letter == chars[at]).for_each(|(_, digit)| with(*digit));
        alike.iter().filter(|(_, digit)| *digit == chars[at]).for_each(|(letter, _)| with(*letter));
        let mut less = chars.clone();
        less.remove(at);
        found.insert(less.into_iter().collect());
        if at + 1 < chars.len() {
            let mut swapped = chars.clone();
            swapped.swap(at, at + 1);
            found.insert(swapped.into_iter().collect());
        }
    }
    for at in 1..=chars.len() {
        for digit in '0'..='9' {
            let mut more = chars.clone();
            more.insert(at, digit);
            found.insert(more.into_iter().collect());
        }
    }
    found.remove(key);
    found
}
