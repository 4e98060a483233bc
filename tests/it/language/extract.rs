//! Typed values: forms that people write, and how much of the corpus is found.

use holdfast::domain::message::{Entity, EntityType, Part, SenderRole};
use holdfast::domain::party::{ObjectKind, normalised, shape};
use holdfast::flow::assess::extract::{Known, candidates, extract};
use holdfast::ports::store::objects::{KnownNumber, ReferenceHit};

use super::corpus::corpus;

fn nothing_known(role: SenderRole) -> Known {
    Known::nothing(role)
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

/// What is read as `kind` of each text: as written, and what it says.
fn assert_read(kind: EntityType, cases: &[(&str, &str, &str)]) {
    for (text, written, value) in cases {
        assert_eq!(values(text, kind), [((*written).to_owned(), Some((*value).to_owned()))], "{text}");
    }
}

#[test]
fn dates_are_read_in_five_languages_against_the_day_of_sending() {
    assert_read(
        EntityType::Date,
        &[
            ("The pumps ship 2026-07-02 at last.", "2026-07-02", "2026-07-02"),
            ("Liefertermin bitte am 02.07.2026 einhalten", "02.07.2026", "2026-07-02"),
            ("please deliver by 7/22/26", "7/22/26", "2026-07-22"),
            ("we need it by 22/7/2026", "22/7/2026", "2026-07-22"),
            ("Delivery is needed by July 2, 2027.", "July 2, 2027", "2027-07-02"),
            ("It will ship on the second of July.", "second of July", "2026-07-02"),
            ("Wir brauchen die Ware bis 3. Juli.", "3. Juli", "2026-07-03"),
            ("Necesitamos la entrega el 21 de septiembre.", "21 de septiembre", "2026-09-21"),
            ("Livraison prévue vers le 1er août.", "1er août", "2026-08-01"),
            ("De zending is op 23 mei niet geleverd.", "23 mei", "2026-05-23"),
            ("We need the pallets by tomorrow.", "tomorrow", "2026-06-16"),
            ("Please ship it this Friday.", "Friday", "2026-06-19"),
            ("Can it wait until next Tuesday?", "next Tuesday", "2026-06-23"),
            ("Bitte erst in KW 27 liefern.", "KW 27", "2026-06-29"),
            ("Please move the delivery to week 27.", "week 27", "2026-06-29"),
            ("please deliver on the 22nd", "22nd", "2026-06-22"),
            ("Bitte am Freitag liefern.", "Freitag", "2026-06-19"),
            ("Entréguenlo el viernes por favor.", "viernes", "2026-06-19"),
            ("de pallet moet vrijdag geleverd worden", "vrijdag", "2026-06-19"),
        ],
    );
    for text in ["you may ask 5 times", "1/2 inch pipe", "on 31/02/2026", "version 3.4"] {
        assert_eq!(values(text, EntityType::Date), vec![], "{text}");
    }
}

#[test]
fn amounts_and_quantities_are_told_apart() {
    assert_read(
        EntityType::Amount,
        &[
            ("it came to $1,448.00 in all", "$1,448.00", "1448.00"),
            ("macht 1.448,50 € zusammen", "1.448,50 €", "1448.50"),
            ("We paid USD 1,315.00 today.", "1,315.00", "1315.00"),
            ("it goes at 30.72 or not", "30.72", "30.72"),
            ("le virement de 3 004,00 $ est parti", "3 004,00 $", "3004.00"),
        ],
    );
    assert_read(
        EntityType::Quantity,
        &[
            ("Bitte schicken Sie 40 Stück Rohr.", "40", "40"),
            ("we have 3,000 pcs left", "3,000", "3000"),
            ("please cancel two of the bags", "two", "2"),
            ("QTY 144 EA", "144", "144"),
            ("we only got 60 mattress covers", "60", "60"),
            ("Bitte achtundvierzig Rollen schicken.", "achtundvierzig", "48"),
            ("necesitamos treinta y seis cajas", "treinta y seis", "36"),
            ("il nous faut 8 000 flacons", "8 000", "8000"),
        ],
    );
    for text in ["in 3 days", "line 4 only", "at 9 am", "dock 12"] {
        assert_eq!(values(text, EntityType::Quantity), vec![], "{text}");
    }
}

/// A world of six numbers.
fn known(text: &str) -> Known {
    let numbers = [
        ("GD-120881", "tracking_number", ObjectKind::Order, "SO-1"),
        ("SO-1048213", "order_no", ObjectKind::Order, "SO-1048213"),
        ("SO-1048999", "order_no", ObjectKind::Order, "SO-1048999"),
        ("4500018840", "po_number", ObjectKind::Order, "SO-1048213"),
        ("HG-31607", "sku", ObjectKind::Item, "HG-31607"),
        ("BRG-6205-2RS", "sku", ObjectKind::Item, "BRG-6205-2RS"),
    ];
    let number = |(text, entity, object, key): (&str, &str, ObjectKind, &str)| KnownNumber {
        normalised: normalised(text),
        hit: ReferenceHit { entity: entity.to_owned(), object, key: key.to_owned() },
    };
    let shapes =
        numbers.iter().map(|(text, entity, ..)| (shape(&normalised(text)), EntityType::parse(entity).unwrap()));
    let shapes = shapes.collect();
    Known::matched(SenderRole::Customer, &candidates(text), &numbers.map(number), Some(&shapes))
}

#[test]
fn an_identifier_is_what_the_store_says_before_what_the_words_say() {
    let read = |text: &str| -> Vec<(EntityType, String, Option<String>)> {
        let found = extract(None, text, &known(text), None);
        found.into_iter().map(|entity| (entity.kind, entity.text, entity.meant)).collect()
    };
    let of = |kind, text: &str, meant: Option<&str>| (kind, text.to_owned(), meant.map(str::to_owned));
    assert_eq!(
        read("Where is order GD 120 881? It has HG-31607."),
        [of(EntityType::TrackingNumber, "GD 120 881", None), of(EntityType::Sku, "HG-31607", None)]
    );
    // Abbreviations and slips stay as written, and the number that is meant is offered.
    assert_eq!(read("Where is order 8213?"), [of(EntityType::OrderNo, "8213", Some("SO-1048213"))]);
    assert_eq!(read("Where is SO-1048231?"), [of(EntityType::OrderNo, "SO-1048231", Some("SO-1048213"))]);
    assert_eq!(read("SO-1099999 is not there"), [of(EntityType::OrderNo, "SO-1099999", None)]);
    assert_eq!(read("please ship ...018840 today")[0].0, EntityType::PoNumber);
}

#[test]
fn without_a_store_the_words_say_what_an_identifier_is() {
    let unknown = read("Where is order GD-120881? Invoice 9930417 is open.", SenderRole::Customer);
    assert_eq!(unknown[0].0, EntityType::OrderNo);
    assert_eq!(unknown[1].0, EntityType::InvoiceNumber);
    assert_eq!(read("your order KD-7719 ships", SenderRole::Supplier)[0].0, EntityType::PurchaseOrderNo);
    assert_eq!(read("unsere Bestellung B-2027/114", SenderRole::Customer)[0].0, EntityType::PoNumber);
    assert_eq!(read("Status of shipment ZX44718290?", SenderRole::Carrier)[0].0, EntityType::TrackingNumber);
    let elided = read("the 400 cubes of l'AF-70249 are late", SenderRole::Supplier);
    assert_eq!(elided[1].1, "AF-70249");
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
