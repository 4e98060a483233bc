//! The world's workings: streams of their own, causes behind every condition, scripts of change.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_datasets::simulator::{Category, Config, Drift, Run, Scenario, simulate, simulate_scenario};
use serde_json::Value;

use crate::{DEMO, demo, of_kind, text};

const SMALL: Config = Config { days: 16, orders_per_day: 30, ..DEMO };

fn with(config: Config, drift: Vec<Drift>) -> Run {
    simulate_scenario(config, &Scenario { drift, ..Scenario::default() }).unwrap()
}

/// When, and which items and quantities.
type Asked = (String, Vec<(String, String)>);

/// What each customer asked for.
fn asked(run: &Run) -> BTreeMap<String, Vec<Asked>> {
    let mut asked = BTreeMap::<String, Vec<_>>::new();
    for event in of_kind(run, "order.placed") {
        let line = |line: &Value| (text(line, "sku").to_owned(), text(line, "quantity").to_owned());
        let lines = event.data["lines"].as_array().unwrap().iter().map(line).collect();
        let order = (text(&event.data, "placed_at").to_owned(), lines);
        asked.entry(text(&event.data, "customer_id").to_owned()).or_default().push(order);
    }
    asked
}

#[test]
fn another_customer_shifts_nobody_elses_draws() {
    let without = asked(&simulate(SMALL).unwrap());
    let mut with = asked(&with(SMALL, vec![Drift::NewAccount { day: 2 }]));
    let newcomer = with.keys().find(|id| !without.contains_key(*id)).unwrap().clone();
    assert!(with.remove(&newcomer).unwrap().len() > 10);
    assert_eq!(without, with);
}

#[test]
fn another_purpose_shifts_no_other_draws() {
    let sensing = Scenario { confounding: 1.0, ..Scenario::default() };
    let blind = Scenario { confounding: 0.0, ..Scenario::default() };
    let [sensing, blind] = [sensing, blind].map(|scenario| simulate_scenario(SMALL, &scenario).unwrap());
    assert_eq!(asked(&sensing), asked(&blind));
    assert_ne!(sensing.truth, blind.truth, "agents do other things");
}

/// Every category has several causes, or one that is a state of the books.
#[test]
fn conditions_have_causes_that_are_states() {
    let mut causes = BTreeMap::<Category, BTreeSet<&str>>::new();
    for condition in &demo().truth.conditions {
        causes.entry(condition.category).or_default().insert(condition.cause);
    }
    let expected = [
        (Category::InventoryShortage, "less on the shelf than in the books"),
        (Category::PricingDiscrepancy, "customer orders at a contract price that ended"),
        (Category::InvalidShipTo, "delivery point not on record"),
        (Category::IntegrationFailure, "mapping does not know a code"),
        (Category::ShipmentStatusFailure, "carrier's truck was full"),
        (Category::ShipmentStatusFailure, "delivery point was closed"),
        (Category::InvoiceReleaseDelay, "order and shipment do not match"),
    ];
    for (category, cause) in expected {
        assert!(causes[&category].contains(cause), "{}: {:?}", category.name(), causes[&category]);
    }
}

/// A hub that falls behind hits everybody who is in it.
#[test]
fn causes_are_shared() {
    let mut by_day = BTreeMap::<_, usize>::new();
    for event in of_kind(demo(), "shipment.milestone").filter(|event| event.data["milestone"] == "delayed") {
        let day = text(&event.data, "at")[..10].to_owned();
        *by_day.entry((text(&event.data, "carrier_id").to_owned(), day)).or_default() += 1;
    }
    let delayed: usize = by_day.values().sum();
    let together: usize = by_day.values().filter(|&&count| count >= 3).sum();
    assert!(delayed > 20 && together * 2 > delayed, "{together} of {delayed} delayed with others");
}

#[test]
fn an_outage_an_expiry_a_mapping_and_a_surge_show_in_what_goes_wrong() {
    let (calm, from) = (simulate(SMALL).unwrap(), 6);
    let since = SMALL.start + jiff::SignedDuration::from_hours(24 * from);
    let count = |run: &Run, category: Category, cause: &str| {
        let mine = run.truth.conditions.iter().filter(|c| c.category == category && c.opened_at >= since);
        mine.filter(|condition| condition.cause.contains(cause)).count()
    };
    let day = from as u32;
    let outage = with(SMALL, vec![Drift::CarrierOutage { carrier_id: "CAR-1".to_owned(), day, days: 3 }]);
    let transport = Category::ShipmentStatusFailure;
    assert!(count(&outage, transport, "carrier outage") > count(&calm, transport, "carrier outage") + 3);
    let expiry = with(SMALL, vec![Drift::PriceListExpiry { day, rise: 0.05 }]);
    let prices = Category::PricingDiscrepancy;
    assert!(count(&expiry, prices, "") > 3 * count(&calm, prices, "").max(3));
    let mapping = with(SMALL, vec![Drift::MappingChange { day, share: 0.3 }]);
    let edi = Category::IntegrationFailure;
    assert!(count(&mapping, edi, "code") > 2 * count(&calm, edi, "code").max(2));
    let surge = with(SMALL, vec![Drift::DemandSurge { day, days: 5, factor: 2.0 }]);
    let orders = |run: &Run| of_kind(run, "order.placed").filter(|event| event.time >= since).count() as f64;
    assert!(orders(&surge) > 1.25 * orders(&calm));
}

#[test]
fn a_script_is_data_and_says_what_is_wrong_with_it() {
    let text = r#"{"confounding": 0.8, "drift": [{"kind": "demand_surge", "day": 3, "days": 2, "factor": 1.5}]}"#;
    let scenario: Scenario = serde_json::from_str(text).unwrap();
    assert_eq!(scenario.drift, [Drift::DemandSurge { day: 3, days: 2, factor: 1.5 }]);
    assert!(simulate_scenario(SMALL, &scenario).is_ok());
    let refused = |scenario: &Scenario| simulate_scenario(SMALL, scenario).unwrap_err().to_string();
    let late = Scenario { drift: vec![Drift::NewAccount { day: 16 }], ..Scenario::default() };
    assert_eq!(refused(&late), "a change on day 16 of a run of 16 days never comes");
    let strong = Scenario { confounding: 2.0, ..Scenario::default() };
    assert_eq!(refused(&strong), "confounding is 2: give a number from 0 to 1");
    let surge = Scenario { drift: vec![Drift::DemandSurge { day: 1, days: 1, factor: 0.0 }], ..Scenario::default() };
    assert!(refused(&surge).contains("factor"));
}
