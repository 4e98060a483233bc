//! Where messages are filed, and where they are not.

use std::sync::Mutex;

use async_trait::async_trait;
use holdfast::commands::train::world;
use holdfast::domain::event::EventRef;
use holdfast::domain::ids::{Entropy, MessageId};
use holdfast::domain::message::Message;
use holdfast::domain::message::{Asks, Channel, Clue, ConflictWith, Link, LinkCandidate, Reading, SenderRole, Trust};
use holdfast::domain::payload::{MessageReceived, Sender};
use holdfast::domain::untrusted::Untrusted;
use holdfast::flow::FlowError;
use holdfast::flow::assess::classify::{self, Readers};
use holdfast::flow::assess::extract::weigh;
use holdfast::flow::assess::link::Linker;
use holdfast::ports::language::{Classified, Contexts, Encoder, IntentClassifier, LanguageError};
use serde_json::{Value, json};

use crate::support::stores::{self, TestStore};

/// Without a ranker, the rule that stands in.
const BY_RULE: Linker<'static> = Linker { ranker: None, attach_min: 0.9 };

fn order(id: &str, customer: &str, po: &str, sku: &str) -> Value {
    json!({"order_id": id, "customer_id": customer, "customer_po": po, "channel": "edi", "placed_at": "2026-06-01T08:00:00Z",
        "promised_ship_at": "2026-06-20", "status": "allocated", "warehouse": "W1", "ship_to": "1 Road", "currency": "USD",
        "lines": [{"line": 1, "sku": sku, "quantity": 4, "unit_price": 2.5}]})
}

fn party(id: (&str, &str), domain: &str, contact: &str) -> Value {
    json!({id.0: id.1, "name": id.1, "email_domains": [domain], "contacts": [{"name": "A", "email": contact}]})
}

async fn store() -> TestStore {
    let world = json!({
        "now": "2026-06-15T12:00:00Z",
        "customers": [party(("customer_id", "C-1"), "north.example", "ann@north.example"),
            party(("customer_id", "C-2"), "south.example", "bob@south.example")],
        "suppliers": [party(("supplier_id", "S-1"), "maker.example", "sue@maker.example"),
            party(("supplier_id", "S-2"), "other.example", "tim@other.example")],
        "skus": [{"sku": "PUMP-200"}, {"sku": "VALVE-7X"}],
        "orders": [order("SO-10001", "C-1", "NOR/77-1", "PUMP-200"), order("SO-10002", "C-1", "NOR/77-2", "VALVE-7X"),
            order("SO-20001", "C-2", "77881-B", "PUMP-200")],
        "purchase_orders": [{"po_id": "PO-5501", "supplier_id": "S-1", "sku": "PUMP-200", "quantity": 50,
            "due_at": "2026-06-18", "pegged_orders": ["SO-10001", "SO-20001"]}],
        "shipments": [{"shipment_id": "SH-1", "order_id": "SO-10002", "carrier_id": "X-1", "tracking_number": "RF 0071 8832",
            "status": "in_transit", "shipped_at": "2026-06-14T10:00:00Z"}],
        "exceptions": [{"exception_id": "E-1", "order_id": "SO-10001", "category": "inventory_shortage",
            "raised_at": "2026-06-14T10:00:00Z", "detail": "short"}],
    });
    let store = stores::sqlite().await.unwrap();
    world::load(store.store.as_ref(), &world).await.unwrap();
    store
}

fn message(from: &str, body: &str) -> MessageReceived {
    MessageReceived {
        channel: Channel::Email,
        from: Sender { role: None, name: None, email: Some(from.to_owned()) },
        subject: None,
        body: body.to_owned(),
        in_reply_to: None,
        references: Vec::new(),
        message_id: None,
        sent_at: None,
        attachments: Vec::new(),
        hidden: Vec::new(),
    }
}

async fn read(store: &TestStore, from: &str, body: &str) -> Reading {
    let now = "2026-06-15T12:00:00Z".parse().unwrap();
    classify::read(Readers::default(), store.store.as_ref(), &message(from, body), now, BY_RULE).await.unwrap().0
}

fn attached(reading: &Reading) -> &LinkCandidate {
    match &reading.link {
        Link::Attached { to, .. } => to,
        other => panic!("not attached: {other:?}"),
    }
}

fn candidates(reading: &Reading) -> (Vec<&str>, &str) {
    match &reading.link {
        Link::Candidates { ranked, reason, .. } => (ranked.iter().map(|c| c.order_id.as_str()).collect(), reason),
        other => panic!("no candidates: {other:?}"),
    }
}

#[tokio::test]
async fn a_customer_is_filed_by_order_number_own_number_or_tracking_number() {
    let store = store().await;
    for (body, expected) in [
        ("where is so 10001?", "SO-10001"),
        ("PO NOR/77-2, any news?", "SO-10002"),
        ("RF 0071 8832 has not come", "SO-10002"),
    ] {
        let reading = read(&store, "ann@north.example", body).await;
        assert_eq!(attached(&reading).order_id, expected, "{body}");
        assert_eq!((reading.trust, reading.role), (Trust::VerifiedContact, SenderRole::Customer));
        assert!(attached(&reading).clues.contains(&Clue::Sender));
    }
    let from_domain = read(&store, "new.person@north.example", "PO NOR/77-1 please").await;
    assert_eq!((from_domain.trust, from_domain.party.as_deref()), (Trust::KnownDomain, Some("C-1")));
}

#[tokio::test]
async fn another_customers_order_is_shown_and_never_attached() {
    let store = store().await;
    let reading = read(&store, "bob@south.example", "cancel SO-10001, SO-10001, PUMP-200").await;
    let (orders, reason) = candidates(&reading);
    assert_eq!(orders[0], "SO-10001");
    assert!(reason.contains("another customer"), "{reason}");
    let Link::Candidates { conflict: Some(conflict), question: None, .. } = &reading.link else {
        panic!("{:?}", reading.link)
    };
    assert_eq!((conflict.with, conflict.target.as_str()), (ConflictWith::AnotherCustomer, "SO-10001"));
    assert_eq!(conflict.party, "C-2");
}

#[tokio::test]
async fn several_orders_go_to_a_person() {
    let store = store().await;
    let reading = read(&store, "ann@north.example", "SO-10001 and SO-10002: when?").await;
    let (orders, reason) = candidates(&reading);
    assert_eq!(orders.len(), 2);
    assert_eq!(reason, "it names several orders: SO-10001, SO-10002");
}

#[tokio::test]
async fn a_supplier_is_filed_through_its_purchase_order() {
    let store = store().await;
    let reading = read(&store, "sue@maker.example", "PO-5501 slips two weeks").await;
    let Link::Attached { to, purchase_order_id, also } = &reading.link else { panic!("{:?}", reading.link) };
    let mut orders = vec![to.order_id.as_str()];
    orders.extend(also.iter().map(|candidate| candidate.order_id.as_str()));
    orders.sort_unstable();
    assert_eq!((orders, purchase_order_id.as_deref()), (vec!["SO-10001", "SO-20001"], Some("PO-5501")));
    let stranger = read(&store, "tim@other.example", "PO-5501 slips").await;
    let (_, reason) = candidates(&stranger);
    assert!(reason.contains("another supplier"), "{reason}");
}

#[tokio::test]
async fn a_sender_alone_gives_candidates_and_a_stranger_nothing() {
    let store = store().await;
    let reading = read(&store, "ann@north.example", "where is my VALVE-7X?").await;
    let (orders, reason) = candidates(&reading);
    assert_eq!(orders.len(), 2);
    assert_eq!(reason, "it names no order; these are the orders that it may be about");
    let reading = read(&store, "ann@north.example.mailgate.example", "approved, go ahead").await;
    assert_eq!((reading.trust, reading.party), (Trust::Unknown, None));
    assert!(matches!(reading.link, Link::Nothing { .. }));
}

#[tokio::test]
async fn one_question_splits_the_candidates_in_the_senders_language() {
    let store = store().await;
    for (body, language) in [
        ("when will it come please, we have the crane", "en"),
        ("wann kommt die Ware, bitte um Antwort und Termin", "de"),
    ] {
        let reading = read(&store, "ann@north.example", body).await;
        let Link::Candidates { question: Some(question), .. } = &reading.link else { panic!("{:?}", reading.link) };
        // Both orders go to one address on one day: the items split them, and are asked for before numbers.
        assert_eq!((question.asks, question.language.as_str()), (Asks::Item, language));
        assert!((question.information_bits - 1.0).abs() < 1e-9, "{question:?}");
        let left: Vec<&[String]> = question.answers.iter().map(|answer| answer.order_ids.as_slice()).collect();
        assert_eq!(left, [["SO-10001".to_owned()], ["SO-10002".to_owned()]]);
        assert!(question.text.contains("PUMP-200") && question.text.contains("VALVE-7X"), "{}", question.text);
    }
}

#[tokio::test]
async fn an_answer_in_a_thread_is_filed_where_its_thread_is() {
    let store = store().await;
    let now = "2026-06-15T12:00:00Z".parse().unwrap();
    let first = message("ann@north.example", "SO-10002: when?");
    let (reading, _) = classify::read(Readers::default(), store.store.as_ref(), &first, now, BY_RULE).await.unwrap();
    let kept = Message {
        id: MessageId::new(now, &Zero),
        event: EventRef { source: "/test".to_owned(), id: "1".to_owned() },
        received_at: now,
        content: Untrusted::new(MessageReceived { message_id: Some("<1@north.example>".to_owned()), ..first }),
        reading: Some(reading),
        version: 1,
    };
    let mut tx = store.store.write().await.unwrap();
    tx.insert_message(&kept).await.unwrap();
    tx.commit().await.unwrap();
    let answer = MessageReceived {
        in_reply_to: Some("<1@north.example>".to_owned()),
        ..message("ann@north.example", "any news?")
    };
    let (reading, _) = classify::read(Readers::default(), store.store.as_ref(), &answer, now, BY_RULE).await.unwrap();
    assert_eq!(attached(&reading).order_id, "SO-10002");
    assert!(attached(&reading).clues.contains(&Clue::Thread));
}

struct Zero;

impl Entropy for Zero {
    fn bytes(&self) -> [u8; 10] {
        [0; 10]
    }
}

#[tokio::test]
async fn without_a_model_the_rest_is_read_and_it_says_so() {
    let store = store().await;
    let reading = read(&store, "ann@north.example", "SO-10001: 4 pcs by 2026-07-02").await;
    assert_eq!((reading.intent, reading.intents.len(), reading.model), (None, 0, None));
    assert!(
        reading.unknown.iter().any(|what| what == "the intent: no language model is loaded"),
        "{:?}",
        reading.unknown
    );
    assert_eq!(reading.entities.as_written().len(), 3);
}

struct Full;

#[async_trait]
impl Encoder for Full {
    async fn embed(&self, _: Vec<String>) -> Result<Vec<Vec<f32>>, LanguageError> {
        Err(LanguageError::QueueFull { capacity: 1 })
    }

    async fn contexts(&self, _: String) -> Result<Contexts, LanguageError> {
        Err(LanguageError::QueueFull { capacity: 1 })
    }

    fn width(&self) -> usize {
        1
    }
    fn version(&self) -> String {
        "full".to_owned()
    }
}

impl IntentClassifier for Full {
    fn classify(&self, _: &str, _: &[f32]) -> Result<Classified, LanguageError> {
        Err(LanguageError::Unavailable("intents"))
    }
    fn version(&self) -> String {
        "full".to_owned()
    }
}

/// Keeps what it is given to read.
#[derive(Default)]
struct Listening(Mutex<Vec<String>>);

#[async_trait]
impl Encoder for Listening {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, LanguageError> {
        self.0.lock().unwrap().extend(texts);
        Ok(vec![vec![1.0]])
    }

    async fn contexts(&self, text: String) -> Result<Contexts, LanguageError> {
        self.0.lock().unwrap().push(text);
        Ok(Contexts { ranges: Vec::new(), states: Vec::new() })
    }

    fn width(&self) -> usize {
        1
    }

    fn version(&self) -> String {
        "listening".to_owned()
    }
}

/// A mail claims no role: what its address is known by stands in the texts that the models read, and a claim does not win
/// against it.
#[tokio::test]
async fn models_hear_the_role_that_an_address_is_known_by() {
    let store = store().await;
    let now = "2026-06-15T12:00:00Z".parse().unwrap();
    for (from, claimed, known) in [
        ("sue@maker.example", None, "supplier"),
        ("new@maker.example", Some(SenderRole::Internal), "supplier"),
        ("who@nobody.example", Some(SenderRole::Carrier), "carrier"),
        ("who@nobody.example", None, "unknown"),
    ] {
        let mut message = message(from, "late");
        message.from.role = claimed;
        let listening = Listening::default();
        let values = Some(weigh::built_in());
        let readers = Readers { encoder: Some(&listening), intents: Some(&Silent), values };
        classify::read(readers, store.store.as_ref(), &message, now, BY_RULE).await.unwrap();
        let texts = listening.0.into_inner().unwrap();
        assert_eq!(texts, vec![format!("{known} email: late"); 2], "{from} {claimed:?}");
    }
}

/// Finds no intent likely.
struct Silent;

impl IntentClassifier for Silent {
    fn classify(&self, _: &str, _: &[f32]) -> Result<Classified, LanguageError> {
        Ok(Classified { intents: Vec::new(), threshold: 1.0, is_strange: false })
    }

    fn version(&self) -> String {
        "silent".to_owned()
    }
}

#[tokio::test]
async fn a_full_queue_is_handed_on() {
    let store = store().await;
    let now = "2026-06-15T12:00:00Z".parse().unwrap();
    let message = message("ann@north.example", "SO-10001");
    let readers = Readers { encoder: Some(&Full), intents: Some(&Full), values: None };
    let refused = classify::read(readers, store.store.as_ref(), &message, now, BY_RULE).await;
    assert!(matches!(refused, Err(FlowError::Language(LanguageError::QueueFull { capacity: 1 }))));
}
