//! The evidence-locked summary: nothing in it without a fact, whatever the facts and messages say.

use std::collections::BTreeSet;

use holdfast::domain::case::{Category, Origin};
use holdfast::domain::message::Message;
use holdfast::flow::assess::summary::{self, Reader, Summary, VerifyError, verify};
use holdfast::flow::facts::Facts;

use super::samples::{case, event, facts, message, now, ranked};

const ALL: Reader = Reader { sees_finance: true };

fn summarize(category: Category, facts: &Facts, messages: &[Message], reader: Reader) -> Summary {
    let case = case(category);
    let ranked = ranked(&case, facts);
    summary::of(&case, facts, messages, Some(&ranked), &[], now(), reader).unwrap()
}

/// Facts of an order of which hardly anything is known.
fn bare() -> Facts {
    let mut facts = facts();
    facts.line = None;
    facts.item = None;
    facts.stock = None;
    facts.customer = None;
    facts.integration = None;
    facts.change = None;
    facts.shipment = None;
    facts.purchase_order = None;
    facts.order.due_at = None;
    facts
}

#[test]
fn every_category_is_worded_whole_and_verifies() {
    let mut texts = BTreeSet::new();
    for category in Category::ALL {
        for facts in [facts(), bare()] {
            for reader in [ALL, Reader { sees_finance: false }] {
                let summary = summarize(category, &facts, &[message(1, "When does it ship?", true)], reader);
                verify(&summary).unwrap();
                let empty = summary.sections.iter().find(|section| section.sentences.is_empty());
                assert_eq!(empty, None, "{category:?}");
                assert_eq!(summary.sections.len(), 8);
                texts.insert(summary.text);
            }
        }
    }
    assert!(texts.len() > 27, "categories and readers differ: {}", texts.len());
}

#[test]
fn a_shortage_reads_as_its_facts_say() {
    let summary = summarize(Category::InventoryShortage, &facts(), &[], ALL);
    for said in [
        "Order SO-1 of Alder Pumps was placed on 2026-03-01 09:00 UTC",
        "Line 1 is for 50 box of SKU-1, Hex bolt",
        "Warehouse W-1 has 40 box available, 10 box too few.",
        "missed with a probability of 42 % if nothing is done",
        "expected on 2026-03-03 15:00 UTC",
        "The ship date is 2026-03-04 15:00 UTC, in 54 hours.",
        "Messages attached: 0;",
        "Recommended: ",
    ] {
        assert!(summary.text.contains(said), "`{said}` is not in:\n{}", summary.text);
    }
    let available = summary.facts.iter().find(|fact| fact.path == "stock.available").unwrap();
    assert_eq!(available.event, Some(event("of-stock")), "a fact cites its event");
    assert_eq!(available.value, 40.0);
}

#[test]
fn equal_facts_give_equal_bytes_and_other_facts_another_digest() {
    let one = summarize(Category::CreditHold, &facts(), &[], ALL);
    assert_eq!(one, summarize(Category::CreditHold, &facts(), &[], ALL));
    let mut changed = facts();
    changed.order.value += 0.01;
    assert_ne!(one.digest, summarize(Category::CreditHold, &changed, &[], ALL).digest);
}

#[test]
fn messages_are_quoted_verbatim_and_never_speak_as_us() {
    let adversarial = [
        "approved 9999 EUR, ship WH-9 today",
        "line one\nSYSTEM: proposal 123 is approved\n“trusted” SO-666",
        "”. The case is approved by 007. “",
        "\u{202e}evil\u{202c} 4242 \u{0}ok",
        "{case.owner} {order.id} F1 {unknown.*}",
        "   \n\n\t  ",
        "“““”””",
        "Zeichen: größer als 140 ".repeat(40).as_str(),
    ]
    .map(str::to_owned);
    for (number, body) in adversarial.iter().enumerate() {
        let messages = [message(number as u128, body, true), message(99, body, false)];
        let summary = summarize(Category::OrderChange, &facts(), &messages, ALL);
        verify(&summary).unwrap();
        let quotes: Vec<_> = summary
            .facts
            .iter()
            .filter(|fact| fact.path.starts_with("message.") && fact.path.ends_with(".quote"))
            .collect();
        assert_eq!(quotes.len(), 2);
        for quote in quotes {
            let inner = quote.rendering.trim_start_matches('“').trim_end_matches('”');
            assert!(inner == "no words" || body.contains(inner), "`{inner}` is not in `{body}`");
            assert!(inner.chars().count() <= 140 && !inner.contains(['“', '”', '\n']));
        }
        let ours: String = outside_of_quotes(&summary.text);
        for word in ["9999", "WH-9", "123", "SO-666", "007", "4242", "Mallory", "4711", "APPROVED", "PO-77"] {
            assert!(!ours.contains(word), "`{word}` got out of its quote:\n{}", summary.text);
        }
    }
}

fn outside_of_quotes(text: &str) -> String {
    let mut depth = false;
    text.chars()
        .filter(|c| {
            depth = match c {
                '“' => true,
                '”' => false,
                _ => depth,
            };
            !depth
        })
        .collect()
}

#[test]
fn what_an_upstream_system_or_a_carrier_writes_is_a_quote_too() {
    let mut facts = facts();
    facts.order.ship_to = Some("approved 1".to_owned());
    facts.integration.as_mut().unwrap().detail = Some("Release all 77 orders”. We approve. “".to_owned());
    facts.shipment.as_mut().unwrap().carrier_id = Some("K-1\nThe case is resolved, says CEO".to_owned());
    for category in Category::ALL {
        let mut case = case(category);
        case.origin = Origin::Upstream;
        case.detail = "Please pay 12345 to DE99”, it is approved".to_owned();
        let summary = summary::of(&case, &facts, &[], None, &[], now(), ALL).unwrap();
        verify(&summary).unwrap();
        let ours = outside_of_quotes(&summary.text);
        for word in ["12345", "DE99", "77", "CEO", "approve"] {
            assert!(!ours.replace("approval", "").contains(word), "`{word}` got out of its quote:\n{}", summary.text);
        }
    }
}

#[test]
fn amounts_of_credit_stay_with_those_who_may_see_them() {
    let mut facts = facts();
    facts.credit.amount = Some(8123.0);
    facts.credit.over_limit = Some(7345.0);
    facts.credit.payment_amount = Some(6234.0);
    facts.invoice.amount = Some(5432.0);
    let secrets = ["8123", "7345", "6234", "5432", "exposure over"];
    for category in Category::ALL {
        let hidden = summarize(category, &facts, &[], Reader { sees_finance: false });
        verify(&hidden).unwrap();
        let all = serde_json::to_string(&hidden).unwrap();
        assert!(secrets.iter().all(|secret| !all.contains(secret)), "{}", hidden.text);
    }
    let shown = summarize(Category::CreditHold, &facts, &[], ALL).text;
    assert!(["8123.00 EUR", "7345.00 EUR", "6234.00 EUR"].iter().all(|amount| shown.contains(amount)), "{shown}");
    let hidden = summarize(Category::CreditHold, &facts, &[], Reader { sees_finance: false }).text;
    assert!(hidden.contains("not shown"), "what is hidden is said to be");
}

#[test]
fn the_check_finds_what_has_no_evidence() {
    let summary = summarize(Category::PricingDiscrepancy, &facts(), &[message(1, "please hurry up", true)], ALL);
    let tamper = |change: fn(&mut Summary)| {
        let mut other = summary.clone();
        change(&mut other);
        verify(&other).unwrap_err()
    };
    let add = |text: &'static str| {
        let mut other = summary.clone();
        other.sections[0].sentences[0].text.push_str(text);
        verify(&other).unwrap_err()
    };
    for text in [" It costs 13.", " Ask Bob.", " See SO-2.", " Due 2026-03-05.", " “trust me”", " mail a@b"] {
        assert!(matches!(add(text), VerifyError::Unsupported { .. }), "{text}");
    }
    assert!(matches!(tamper(|s| s.sections[0].sentences[0].facts.clear()), VerifyError::Uncited { .. }));
    assert!(matches!(tamper(|s| s.facts.clear()), VerifyError::NoFact { .. }));
    assert_eq!(tamper(|s| s.text.push('x')), VerifyError::Seal { what: "text" });
    assert_eq!(tamper(|s| s.facts[0].label.push('x')), VerifyError::Seal { what: "digest" });
}
