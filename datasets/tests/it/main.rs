//! The only integration binary: the simulated world keeps its promises.
//!
//! Guarantees tested: repeatability, envelope, order, outcomes, coverage of categories, visibility of shortages, errors.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod artefacts;
mod counterfactual;
mod summaries;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use holdfast_datasets::simulator::{Category, CloudEvent, Config, ConfigError, Run, simulate};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const DEMO: Config = Config { seed: 7, start: Timestamp::constant(1_772_409_600, 0), days: 42, orders_per_day: 40 };

fn demo() -> &'static Run {
    static RUN: OnceLock<Run> = OnceLock::new();
    RUN.get_or_init(|| simulate(DEMO).unwrap())
}

fn bytes(config: Config) -> String {
    let run = simulate(config).unwrap();
    serde_json::to_string(&run.events).unwrap() + &serde_json::to_string(&run.truth).unwrap()
}

fn of_kind<'a>(run: &'a Run, kind: &str) -> impl Iterator<Item = &'a CloudEvent> {
    let kind = format!("io.holdfast.{kind}.v1");
    run.events.iter().filter(move |event| event.kind == kind)
}

fn text<'a>(data: &'a Value, member: &str) -> &'a str {
    data[member].as_str().unwrap()
}

type Line = (String, u64);

fn line(data: &Value) -> Line {
    (text(data, "order_id").to_owned(), data["line_no"].as_u64().unwrap())
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let small = Config { days: 12, orders_per_day: 15, ..DEMO };
    assert_eq!(bytes(small), bytes(small));
    assert_ne!(bytes(small), bytes(Config { seed: 8, ..small }));
}

#[test]
fn every_event_has_its_envelope_and_time_never_runs_back() {
    let mut seen = BTreeSet::new();
    let mut last = DEMO.start;
    for event in &demo().events {
        assert_eq!(event.specversion, "1.0");
        assert!(event.kind.starts_with("io.holdfast.") && event.kind.ends_with(".v1"));
        assert!(event.source.starts_with('/') && !event.subject.is_empty() && event.data.is_object());
        assert!(seen.insert((event.source.clone(), event.id.clone())), "{} twice in {}", event.id, event.source);
        assert!(event.time >= last, "{} is before its forerunner", event.id);
        last = event.time;
    }
    assert!(last < DEMO.start + SignedDuration::from_hours(24 * 42));
}

/// A week is the rule; a line that is open for longer had a condition that says why, and none is open for three.
#[test]
fn old_lines_have_an_outcome_or_were_cancelled_and_young_ones_are_still_open() {
    let run = demo();
    let ended: BTreeSet<Line> = of_kind(run, "outcome.recorded")
        .chain(of_kind(run, "order.cancelled"))
        .map(|event| line(&event.data))
        .collect();
    let stuck: BTreeSet<&str> = run.truth.conditions.iter().map(|c| c.order_id.as_str()).collect();
    let week = DEMO.start + SignedDuration::from_hours(24 * 35);
    let three_weeks = DEMO.start + SignedDuration::from_hours(24 * 21);
    let (mut open, mut late, mut old) = (0, 0, 0);
    for placed in of_kind(run, "order.placed") {
        for number in placed.data["lines"].as_array().unwrap().iter().map(|line| line["line_no"].as_u64().unwrap()) {
            let key = (text(&placed.data, "order_id").to_owned(), number);
            old += usize::from(placed.time < week);
            if !ended.contains(&key) {
                assert!(placed.time >= three_weeks, "{key:?} of {} has no end", placed.time);
                assert!(
                    placed.time >= week || stuck.contains(key.0.as_str()),
                    "{key:?} of {} has no reason",
                    placed.time
                );
                late += usize::from(placed.time < week);
                open += 1;
            }
        }
    }
    assert!(late * 50 < old, "{late} of {old} old lines are open");
    assert!(open > 50, "only {open} lines are open at the horizon");
}

#[test]
fn an_outcome_is_missed_when_it_shipped_after_the_promise_the_customer_agreed_to() {
    let mut promised = BTreeMap::new();
    let mut misses = 0;
    let mut count = 0;
    let mut moved = BTreeSet::new();
    for event in &demo().events {
        match event.kind.as_str() {
            "io.holdfast.order.placed.v1" => {
                for placed in event.data["lines"].as_array().unwrap() {
                    let key = (text(&event.data, "order_id").to_owned(), placed["line_no"].as_u64().unwrap());
                    promised.insert(key, text(placed, "promised_ship_at").parse::<Timestamp>().unwrap());
                }
            }
            "io.holdfast.order.promised.v1" => _ = moved.insert(line(&event.data)),
            "io.holdfast.outcome.recorded.v1" => {
                let shipped: Timestamp = text(&event.data, "shipped_at").parse().unwrap();
                let missed = event.data["missed"].as_bool().unwrap();
                if !moved.contains(&line(&event.data)) {
                    assert_eq!(missed, shipped > promised[&line(&event.data)], "{}", event.subject);
                }
                misses += usize::from(missed);
                count += 1;
            }
            _ => {}
        }
    }
    let rate = misses as f64 / count as f64;
    assert!((0.15..=0.35).contains(&rate), "miss rate is {rate}");
}

#[test]
fn every_category_occurs_and_some_conditions_are_open_at_the_end() {
    let conditions = &demo().truth.conditions;
    for category in Category::ALL {
        let count = conditions.iter().filter(|condition| condition.category == category).count();
        assert!(count >= 5, "{} occurs {count} times", category.name());
    }
    let open = conditions.iter().filter(|condition| condition.closed_at.is_none()).count();
    assert!((20..=150).contains(&open), "{open} conditions are open at the end");
}

/// Replays what events say of stock and lines, and compares with the truth at the moment a shortage opened.
#[test]
fn a_shortage_shows_in_the_positions_that_were_told() {
    let run = demo();
    let mut opened: BTreeMap<Timestamp, Vec<Line>> = BTreeMap::new();
    for condition in run.truth.conditions.iter().filter(|condition| condition.category == Category::InventoryShortage) {
        let key = (condition.order_id.clone(), u64::from(condition.line_no.unwrap()));
        opened.entry(condition.opened_at).or_default().push(key);
    }
    let mut book = Book::default();
    let mut checked = 0;
    let mut events = run.events.iter().peekable();
    while let Some(event) = events.next() {
        book.read(event);
        let next = events.peek().map_or(Timestamp::MAX, |next| next.time);
        let later = opened.split_off(&next);
        for key in std::mem::replace(&mut opened, later).into_values().flatten() {
            let (sku, warehouse, quantity) = &book.lines[&key];
            let available = book.available[&(sku.clone(), warehouse.clone())];
            assert!(*quantity > available, "{key:?} wants {quantity} of {available}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} shortages seen");
}

#[derive(Default)]
struct Book {
    available: BTreeMap<(String, String), i64>,
    lines: BTreeMap<Line, (String, String, i64)>,
}

impl Book {
    fn read(&mut self, event: &CloudEvent) {
        let data = &event.data;
        match event.kind.as_str() {
            "io.holdfast.inventory.position.v1" => {
                let place = (text(data, "sku").to_owned(), text(data, "warehouse_id").to_owned());
                self.available.insert(place, text(data, "available").parse().unwrap());
            }
            "io.holdfast.order.placed.v1" => {
                for line in data["lines"].as_array().unwrap() {
                    let key = (text(data, "order_id").to_owned(), line["line_no"].as_u64().unwrap());
                    let quantity = text(line, "quantity").parse().unwrap();
                    self.lines
                        .insert(key, (text(line, "sku").to_owned(), text(data, "warehouse_id").to_owned(), quantity));
                }
            }
            "io.holdfast.order.changed.v1" if data["requested"] == false => {
                for change in data["lines"].as_array().into_iter().flatten() {
                    let key = (text(data, "order_id").to_owned(), change["line_no"].as_u64().unwrap());
                    let line = self.lines.get_mut(&key).unwrap();
                    if let Some(sku) = change["sku"].as_str() {
                        line.0 = sku.to_owned();
                    }
                    if let Some(warehouse) = change["warehouse_id"].as_str() {
                        line.1 = warehouse.to_owned();
                    }
                    if let Some(quantity) = change["quantity"].as_str() {
                        line.2 = quantity.parse().unwrap();
                    }
                }
            }
            _ => {}
        }
    }
}

#[test]
fn propensities_add_up_and_contain_what_was_done() {
    let decisions = demo().truth.conditions.iter().flat_map(|condition| &condition.decisions);
    let mut count = 0;
    for decision in decisions {
        let total: f64 = decision.propensities.values().sum();
        assert!((total - 1.0).abs() < 1e-9);
        assert!(decision.propensities[decision.action] > 0.0);
        count += 1;
    }
    assert_eq!(count, of_kind(demo(), "action.executed").count());
}

#[test]
fn messages_name_what_they_are_about_and_leave_no_placeholder() {
    let run = demo();
    let mut intents = BTreeSet::new();
    for event in of_kind(run, "message.received") {
        let truth = &run.truth.messages[&event.id];
        intents.insert(truth.intent);
        for member in ["subject", "body"] {
            if let Some(text) = event.data[member].as_str() {
                assert!(!text.contains('{') && !text.contains('}'), "{text}");
            }
        }
    }
    assert_eq!(intents.len(), 24, "{intents:?}");
}

#[test]
fn a_configuration_out_of_range_says_what_is_wrong() {
    let refused = |config| simulate(config).unwrap_err();
    assert_eq!(refused(Config { days: 0, ..DEMO }), ConfigError::Days { given: 0, max: 3_660 });
    assert_eq!(refused(Config { days: 0, ..DEMO }).to_string(), "days must be between 1 and 3660, not `0`");
    assert!(refused(Config { orders_per_day: 0, ..DEMO }).to_string().contains("orders per day"));
    assert!(refused(Config { start: Timestamp::UNIX_EPOCH, ..DEMO }).to_string().contains("between the years"));
}

/// Prints what the demo configuration makes: `cargo test -p holdfast-datasets -- --ignored --nocapture counts`.
#[test]
#[ignore = "prints, checks nothing"]
fn counts() {
    for seed in 1..6 {
        let run = simulate(Config { seed, ..DEMO }).unwrap();
        let missed = of_kind(&run, "outcome.recorded").filter(|event| event.data["missed"] == true).count();
        println!("seed {seed}: missed {missed} of {}", of_kind(&run, "outcome.recorded").count());
    }
    let run = demo();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for event in &run.events {
        *kinds.entry(&event.kind).or_default() += 1;
    }
    println!("{} events, {} messages", run.events.len(), run.truth.messages.len());
    println!("{kinds:#?}");
    let mut missed = BTreeMap::new();
    for outcome in of_kind(run, "outcome.recorded") {
        missed.insert(line(&outcome.data), outcome.data["missed"] == true);
    }
    let rate = |keys: &mut dyn Iterator<Item = &bool>| {
        let all: Vec<bool> = keys.copied().collect();
        (all.len(), all.iter().filter(|missed| **missed).count() as f64 / all.len().max(1) as f64)
    };
    println!("all lines: {:?}", rate(&mut missed.values()));
    for category in Category::ALL {
        let mine = || run.truth.conditions.iter().filter(move |condition| condition.category == category);
        let open = mine().filter(|condition| condition.closed_at.is_none()).count();
        let touched =
            |key: &Line| mine().any(|c| c.order_id == key.0 && c.line_no.is_none_or(|n| u64::from(n) == key.1));
        let hit = rate(&mut missed.iter().filter(|(key, _)| touched(key)).map(|(_, missed)| missed));
        let mut by = BTreeMap::<_, (usize, usize)>::new();
        for decision in mine().flat_map(|condition| &condition.decisions) {
            let entry = by.entry(decision.action).or_default();
            entry.0 += 1;
            entry.1 += usize::from(decision.worked == Some(true));
        }
        let mut ends = BTreeMap::<_, usize>::new();
        for condition in mine() {
            *ends.entry(condition.closed_by.unwrap_or("open")).or_default() += 1;
        }
        println!("{}: {} ({open} open), lines {hit:?}\n  {by:?}\n  {ends:?}", category.name(), mine().count());
    }
    let clean = |key: &Line| !run.truth.conditions.iter().any(|c| c.order_id == key.0);
    println!(
        "lines of orders without condition: {:?}",
        rate(&mut missed.iter().filter(|(key, _)| clean(key)).map(|(_, m)| m))
    );
}
