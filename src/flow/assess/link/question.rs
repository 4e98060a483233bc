//! The one question that splits the candidates best.
//!
//! Guarantees: pure; among what can be asked (item, site, ship date, customer's number, ours) the question is the one whose
//! answer is expected to tell most, the entropy of its answers under the candidates' probabilities; where two tell the same, the
//! one that people answer most easily; none where it would tell nothing. Non-goals: sending it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::domain::message::{Answer, Asks, LinkCandidate, LinkQuestion};
use crate::domain::order::Order;
use crate::domain::payload::MessageReceived;
use crate::domain::words::stems;

/// A question that tells less than this is not asked.
const INFORMATION_MIN_BITS: f64 = 0.3;
/// Two questions that tell as much but for this are equal.
const INFORMATION_EQUAL_BITS: f64 = 1e-9;
/// What can be asked, the most easily answered first.
const ASKED: [Asks; 5] = [Asks::Item, Asks::Site, Asks::ShipDate, Asks::CustomerPo, Asks::Order];
/// Stop words by which a language shows itself; English stands for every other.
const LANGUAGES: [(&str, &str); 5] = [
    ("en", "the and you please with our for have this are"),
    ("de", "und der die das bitte nicht wir ist mit auf ein fur sie"),
    ("es", "los las por con para una del que favor pedido gracias"),
    ("fr", "les des nous vous pour est une dans pas merci avec"),
    ("nl", "het een van niet wij jullie graag voor zijn met bij"),
];

/// The question for orders that are candidates, worded in the language of the message.
pub(super) fn ask(orders: &[(Order, LinkCandidate)], message: &MessageReceived) -> Option<LinkQuestion> {
    let total: f64 = orders.iter().map(|(_, one)| one.probability).sum();
    if orders.len() < 2 || total <= 0.0 {
        return None;
    }
    let mut best: Option<(f64, Asks, Answers)> = None;
    for asks in ASKED {
        let Some(answers) = answers(orders, asks) else { continue };
        let share = |(weight, _): &(f64, Vec<String>)| weight / total;
        let bits: f64 = answers.values().map(share).filter(|p| *p > 0.0).map(|p| -p * p.log2()).sum();
        if best.as_ref().is_none_or(|(most, ..)| bits > most + INFORMATION_EQUAL_BITS) {
            best = Some((bits, asks, answers));
        }
    }
    let (information_bits, asks, answers) = best.filter(|(bits, ..)| *bits >= INFORMATION_MIN_BITS)?;
    let language = language(message);
    let offered: Vec<&str> = answers.keys().map(String::as_str).collect();
    Some(LinkQuestion {
        asks,
        language: language.to_owned(),
        text: format!("{} {}?", wording(asks, language), offered.join(" / ")),
        answers: answers
            .iter()
            .map(|(answer, (_, ids))| Answer { answer: answer.clone(), order_ids: ids.clone() })
            .collect(),
        information_bits,
    })
}

type Answers = BTreeMap<String, (f64, Vec<String>)>;

/// The possible answers with the probability and the orders behind each; `None` where an order has none.
fn answers(orders: &[(Order, LinkCandidate)], asks: Asks) -> Option<Answers> {
    let mut found = Answers::new();
    for (order, one) in orders {
        let answer = match asks {
            Asks::Site => order.ship_to.clone(),
            Asks::CustomerPo => order.po_number.clone(),
            Asks::Item => {
                let skus: Vec<&str> = order.lines.iter().filter(|l| !l.cancelled).map(|l| l.sku.as_str()).collect();
                (!skus.is_empty()).then(|| skus.join(", "))
            }
            Asks::ShipDate => order.due_at().map(|at| at.to_zoned(TimeZone::UTC).date().to_string()),
            Asks::Order => Some(order.order_id.clone()),
        };
        let entry = found.entry(answer?).or_default();
        entry.0 += one.probability;
        entry.1.push(order.order_id.clone());
    }
    Some(found)
}

/// The language whose stop words the message has most of.
fn language(message: &MessageReceived) -> &'static str {
    let text = stems(&message.body);
    let shown = |words: &str| {
        let words = stems(words);
        text.iter().filter(|stem| words.contains(stem)).count()
    };
    let counts = LANGUAGES.map(|(language, words)| (shown(words), language));
    let most = counts.iter().map(|(count, _)| *count).max().unwrap_or(0);
    counts.iter().find(|(count, _)| *count == most).map_or("en", |(_, language)| language)
}

fn wording(asks: Asks, language: &str) -> &'static str {
    match (asks, language) {
        (Asks::Site, "de") => "Um welche Lieferadresse geht es:",
        (Asks::Site, "es") => "¿De qué dirección de entrega se trata:",
        (Asks::Site, "fr") => "De quelle adresse de livraison s'agit-il :",
        (Asks::Site, "nl") => "Om welk afleveradres gaat het:",
        (Asks::Site, _) => "Which delivery address is it about:",
        (Asks::CustomerPo, "de") => "Um welche Ihrer Bestellnummern geht es:",
        (Asks::CustomerPo, "es") => "¿De cuál de sus números de pedido se trata:",
        (Asks::CustomerPo, "fr") => "Duquel de vos numéros de commande s'agit-il :",
        (Asks::CustomerPo, "nl") => "Om welk van uw bestelnummers gaat het:",
        (Asks::CustomerPo, _) => "Which of your purchase order numbers is it about:",
        (Asks::Item, "de") => "Um welche Artikel geht es:",
        (Asks::Item, "es") => "¿De qué artículos se trata:",
        (Asks::Item, "fr") => "De quels articles s'agit-il :",
        (Asks::Item, "nl") => "Om welke artikelen gaat het:",
        (Asks::Item, _) => "Which items is it about:",
        (Asks::ShipDate, "de") => "Um die Bestellung mit welchem Versandtermin geht es:",
        (Asks::ShipDate, "es") => "¿Del pedido con qué fecha de envío se trata:",
        (Asks::ShipDate, "fr") => "De la commande avec quelle date d'expédition s'agit-il :",
        (Asks::ShipDate, "nl") => "Om de bestelling met welke verzenddatum gaat het:",
        (Asks::ShipDate, _) => "Which ship date does the order have that it is about:",
        (Asks::Order, "de") => "Um welche unserer Auftragsnummern geht es:",
        (Asks::Order, "es") => "¿De cuál de nuestros números de pedido se trata:",
        (Asks::Order, "fr") => "Duquel de nos numéros de commande s'agit-il :",
        (Asks::Order, "nl") => "Om welk van onze ordernummers gaat het:",
        (Asks::Order, _) => "Which of our order numbers is it about:",
    }
}
