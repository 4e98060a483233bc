//! Typed values: forms that people write, and how much of the corpus is found.

use std::collections::{BTreeMap, BTreeSet};

use holdfast::domain::message::{Entity, EntityType, Part, SenderRole};
use holdfast::domain::party::ObjectKind;
use holdfast::flow::assess::extract::{Known, candidates, extract};
use holdfast::ports::store::objects::ReferenceHit;
use jiff::tz::TimeZone;

use super::corpus::corpus;

fn nothing_known(role: SenderRole) -> Known {
    Known { references: BTreeMap::new(), items: BTreeMap::new(), role }
}

fn read(text: &str, role: SenderRole) -> Vec<(EntityType, String, Option<String>)> {
    let sent = Some("2026-06-15".parse().unwrap());
    let found = extract(None, text, &nothing_known(role), sent);
    found.into_iter().map(|entity| (entity.kind, entity.text, entity.value)).collect()
}

fn values(text: &str, kind: EntityType) -> Vec<(String, Option<String>)> {
    let found = read(text, SenderRole::Customer).into_iter().filter(|(found, ..)| *found == kind);
    found.map(|(_, text, value)| (text, value)).collect()
}

#[test]
fn dates_are_read_in_five_languages_and_only_when_certain() {
    let cases = [
        ("ships 2026-07-02 at last", "2026-07-02", Some("2026-07-02")),
        ("DTM 20260702", "20260702", Some("2026-07-02")),
        ("at 2026-07-02T10:00:00Z", "2026-07-02", Some("2026-07-02")),
        ("am 02.07.2026 bitte", "02.07.2026", Some("2026-07-02")),
        ("by 7/22/26 please", "7/22/26", Some("2026-07-22")),
        ("by 22/7/2026 please", "22/7/2026", Some("2026-07-22")),
        ("by 7/2/2026 please", "7/2/2026", None),
        ("from 5/12 on", "5/12", None),
        ("July 2, 2027 it is", "July 2, 2027", Some("2027-07-02")),
        ("the second of July", "second of July", Some("2026-07-02")),
        ("bis 3. März", "3. März", Some("2026-03-03")),
        ("el 21 de septiembre", "21 de septiembre", Some("2026-09-21")),
        ("vers le 1er août", "1er août", Some("2026-08-01")),
        ("pas 23 mei geleverd", "23 mei", Some("2026-05-23")),
        ("by tomorrow noon", "tomorrow", Some("2026-06-16")),
        ("this Friday works", "this Friday", Some("2026-06-19")),
        ("next Friday works", "next Friday", None),
        ("in KW 31", "KW 31", None),
        ("on January 4 then", "January 4", Some("2026-01-04")),
    ];
    for (text, written, value) in cases {
        let expected = vec![(written.to_owned(), value.map(str::to_owned))];
        assert_eq!(values(text, EntityType::Date), expected, "{text}");
    }
    for text in ["you may ask 5 times", "1/2 inch pipe", "on 31/02/2026", "version 3.4"] {
        assert_eq!(values(text, EntityType::Date), vec![], "{text}");
    }
}

#[test]
fn amounts_and_quantities_are_told_apart() {
    let amounts = [
        ("it came to $1,448.00 in all", "$1,448.00", "1448.00"),
        ("macht 1.448,50 € zusammen", "1.448,50", "1448.50"),
        ("USD 1,315 PMT", "1,315", "1315.00"),
        ("from 12k EUR", "12k", "12000.00"),
        ("goes at 30.72 or not", "30.72", "30.72"),
    ];
    for (text, written, value) in amounts {
        assert_eq!(values(text, EntityType::Amount), vec![(written.to_owned(), Some(value.to_owned()))], "{text}");
    }
    let quantities = [
        ("send 40 Stück Rohr", "40", "40"),
        ("we have 3,000 pcs left", "3,000", "3000"),
        ("cancel two of the bags", "two", "2"),
        ("QTY 144", "144", "144"),
        ("60 mattress covers", "60", "60"),
    ];
    for (text, written, value) in quantities {
        assert_eq!(values(text, EntityType::Quantity), vec![(written.to_owned(), Some(value.to_owned()))], "{text}");
    }
    for text in ["in 3 days", "line 4 only", "at 9 am", "dock 12"] {
        assert_eq!(values(text, EntityType::Quantity), vec![], "{text}");
    }
}

#[test]
fn an_identifier_is_what_the_store_says_before_what_the_words_say() {
    let hit = ReferenceHit { entity: "tracking_number".to_owned(), object: ObjectKind::Order, key: "SO-1".to_owned() };
    let mut known = nothing_known(SenderRole::Customer);
    known.references.insert("GD120881".to_owned(), vec![hit]);
    known.items.insert("HG31607".to_owned(), "HG-31607".to_owned());
    let body = "Where is order GD 120 881? It has HG-31607.";
    assert!(candidates(body).iter().any(|token| token.text == "GD 120 881" && token.normalised == "GD120881"));
    let found = extract(None, body, &known, None);
    let kinds: Vec<_> = found.iter().map(|entity| (entity.kind, entity.text.as_str())).collect();
    assert_eq!(kinds, [(EntityType::TrackingNumber, "GD 120 881"), (EntityType::Sku, "HG-31607")]);
    let unknown = read("Where is order GD-120881? Invoice 9930417 is open.", SenderRole::Customer);
    assert_eq!(unknown[0].0, EntityType::OrderNo);
    assert_eq!(unknown[1].0, EntityType::InvoiceNumber);
    assert_eq!(read("your order KD-7719", SenderRole::Supplier)[0].0, EntityType::PurchaseOrderNo);
    assert_eq!(read("unsere Bestellung B-2027/114", SenderRole::Customer)[0].0, EntityType::PoNumber);
}

#[test]
fn spans_are_the_bytes_of_the_text_and_never_overlap() {
    for message in corpus().messages {
        let role = message.from.role.unwrap_or(SenderRole::Unknown);
        let found = extract(message.subject.as_deref(), &message.body, &nothing_known(role), None);
        for entity in &found {
            let text = match entity.span.part {
                Part::Subject => message.subject.as_deref().unwrap_or_default(),
                Part::Body => &message.body,
            };
            assert_eq!(&text[entity.span.start..entity.span.end], entity.text, "{}", message.id);
        }
        let follows =
            |pair: &[Entity]| pair[0].span.part != pair[1].span.part || pair[0].span.end <= pair[1].span.start;
        assert!(found.windows(2).all(follows), "{}", message.id);
    }
}

/// Prints how much of the corpus's labels is found when no store helps. The floors keep it from getting worse unseen.
#[test]
fn the_corpus_is_read_without_a_store() {
    let mut counts: BTreeMap<EntityType, [usize; 4]> = BTreeMap::new();
    for message in corpus().messages {
        let role = message.from.role.unwrap_or(SenderRole::Unknown);
        let sent = message.received_at.map(|at| at.to_zoned(TimeZone::UTC).date());
        let found = extract(message.subject.as_deref(), &message.body, &nothing_known(role), sent);
        let said: BTreeSet<_> = found.iter().map(|e| (e.kind, e.text.clone(), e.value.clone())).collect();
        let spans: BTreeSet<_> =
            said.iter().map(|(kind, text, _)| (*kind, text.trim_start_matches(['$', '€', '£', ' ']))).collect();
        let gold: BTreeSet<_> = message.entities.iter().map(|e| (e.kind, e.text.clone(), e.value.clone())).collect();
        let gold_spans: BTreeSet<_> =
            gold.iter().map(|(kind, text, _)| (*kind, text.trim_start_matches(['$', '€', '£', ' ']))).collect();
        if std::env::var_os("HOLDFAST_SHOW").is_some() {
            let missed: Vec<_> = gold_spans.difference(&spans).collect();
            let wrong: Vec<_> = spans.difference(&gold_spans).collect();
            println!("{} missed {missed:?} wrong {wrong:?}", message.id);
        }
        for kind in EntityType::ALL {
            let count = counts.entry(*kind).or_default();
            count[0] += spans.iter().filter(|(k, _)| k == kind).count();
            count[1] += gold_spans.iter().filter(|(k, _)| k == kind).count();
            count[2] += spans.intersection(&gold_spans).filter(|(k, _)| k == kind).count();
            let valued = |(k, _, value): &&(EntityType, String, Option<String>)| k == kind && value.is_some();
            count[3] += said.intersection(&gold).filter(valued).count();
        }
    }
    println!("{:<18} {:>9} {:>7} {:>5}  {:>6}", "entity", "precision", "recall", "F1", "valued");
    let mut total = [0; 4];
    for (kind, count) in &counts {
        print(kind.name(), count);
        (0..4).for_each(|index| total[index] += count[index]);
    }
    print("all", &total);
    let f1 = 2.0 * total[2] as f64 / (total[0] + total[1]) as f64;
    assert!(f1 > 0.55, "F1 over the corpus fell to {f1:.3}");
}

fn print(name: &str, [said, gold, right, valued]: &[usize; 4]) {
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    let f1 = share(2 * right, said + gold);
    println!("{name:<18} {:>9.3} {:>7.3} {f1:>5.3}  {valued:>6}", share(*right, *said), share(*right, *gold));
}
