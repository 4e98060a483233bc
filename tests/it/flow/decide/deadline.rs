//! Latest useful times through the hours of carriers, warehouses and suppliers.

use anyhow::{Context as _, ensure};
use holdfast::domain::action::ActionKind;
use holdfast::domain::timetable::Timetable;
use holdfast::flow::decide::catalogue::{BUILT_IN, Catalogue};
use holdfast::flow::decide::deadline::Deadlines;
use holdfast::flow::decide::inline::InlineCase;
use holdfast::flow::decide::prioritize::{PrioritizeRequest, prioritize, replay};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::world::{ada, short};
use crate::support::services::World;
use crate::support::stores::{TestStore, on_each_store};

on_each_store!(calendars_come_with_master_data, what_nothing_can_save_any_more_falls);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn latest(timetable: Value, due: &str, kind: ActionKind) -> Option<Timestamp> {
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let timetable: Timetable = serde_json::from_value(timetable).unwrap();
    Deadlines::of(&timetable, Some(at(due))).latest_useful(&catalogue.entry(kind).spec)
}

fn weekdays(hours: &str) -> Value {
    let day = [hours];
    json!({ "weekly": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": day }, "overrides": { "2026-04-03": [] } })
}

#[test]
fn without_calendars_the_clock_counts() {
    let due = "2026-03-04T15:00:00Z";
    assert_eq!(latest(json!({}), due, ActionKind::ReallocateFromWarehouse), Some(at("2026-03-04T07:00:00Z")));
    let catalogue = Catalogue::load(BUILT_IN).unwrap();
    let nothing = Timetable::default();
    let spec = &catalogue.entry(ActionKind::ReallocateFromWarehouse).spec;
    assert_eq!(Deadlines::of(&nothing, None).latest_useful(spec), None);
}

#[test]
fn hand_over_wave_and_working_hours_are_counted_back_from_the_ship_date() {
    // The ship date is Sunday 8 March; the carrier takes goods on weekdays until four, so on Friday.
    let carrier = json!({ "party": "K-1", "time_zone": "Europe/Berlin", "service_calendar": weekdays("08:00-20:00"),
        "cut_off_local_time": "16:00" });
    let warehouse = json!({ "party": "W-1", "time_zone": "Europe/Berlin", "service_calendar": weekdays("06:00-14:00"),
        "lead_time_h": 3.0, "pick_waves": ["07:00", "10:00"] });
    let due = "2026-03-08T12:00:00Z";
    let by_carrier = |kind| latest(json!({ "carrier": carrier }), due, kind);
    // Four hours of the carrier before 16:00 in Berlin.
    assert_eq!(by_carrier(ActionKind::RebookCarrier), Some(at("2026-03-06T11:00:00Z")));
    // The warehouse told nothing: clock hours before the hand-over.
    assert_eq!(by_carrier(ActionKind::ReallocateFromWarehouse), Some(at("2026-03-06T07:00:00Z")));
    let both = |kind| latest(json!({ "carrier": carrier, "warehouse": warehouse }), due, kind);
    // The warehouse closes at two, needs three hours, so picks from eleven, in the wave of ten; four of its hours before
    // that reach the wave's day at six.
    assert_eq!(both(ActionKind::ReallocateFromWarehouse), Some(at("2026-03-06T05:00:00Z")));
    // Eight hours reach back into Thursday.
    assert_eq!(both(ActionKind::RequestPriceReview), Some(at("2026-03-05T09:00:00Z")));
    // A promise may change until shortly before the date itself.
    assert_eq!(both(ActionKind::RepromiseDate), Some(at("2026-03-08T08:00:00Z")));
}

#[test]
fn a_supplier_counts_its_own_days_and_its_own_lead_time() {
    let supplier = |lead: Value| {
        let supplier = json!({ "party": "V-1", "time_zone": "Asia/Tokyo", "service_calendar": weekdays("09:00-17:00"),
            "lead_time_h": lead });
        latest(json!({ "supplier": supplier }), "2026-04-06T00:00:00Z", ActionKind::ExpeditePurchaseOrder)
    };
    // Due Monday 6 April, nine o'clock in Tokyo, a day on the road; Friday is a holiday there: Thursday's eight hours.
    assert_eq!(supplier(Value::Null), Some(at("2026-04-02T00:00:00Z")));
    assert_eq!(supplier(json!(16.0)), Some(at("2026-04-01T00:00:00Z")));
}

async fn calendars_come_with_master_data(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let case = short(&world).await?;
    let latest = async |world: &World| -> anyhow::Result<(String, Option<Timestamp>)> {
        let request = PrioritizeRequest { ids: vec![case.id], ..PrioritizeRequest::default() };
        let decision = prioritize(&world.services, request, &ada()).await?;
        ensure!(replay(&world.services, decision.id).await?.identical);
        let wanted = |c: &&holdfast::domain::action::Candidate| c.action == ActionKind::ReallocateFromWarehouse;
        let candidate = decision.output[0].actions.iter().find(wanted).context("no such action")?;
        Ok((decision.input[0]["facts"]["timetable"].to_string(), candidate.latest_useful_at))
    };
    ensure!(latest(&world).await? == ("null".to_owned(), Some(at("2026-03-04T07:00:00Z"))));
    let carrier = json!({ "carrier_id": "K-1", "name": "Road", "time_zone": "Europe/Berlin",
        "service_calendar": weekdays("08:00-20:00"), "cut_off_local_time": "14:00" });
    world.tell("carrier.upserted", "k1", carrier.clone()).await?;
    let warehouse = json!({ "warehouse_id": "W-1", "name": "North", "time_zone": "Europe/Berlin",
        "service_calendar": weekdays("06:00-22:00"), "processing_h": 2.0 });
    world.tell("warehouse.upserted", "w1", warehouse).await?;
    let (recorded, counted) = latest(&world).await?;
    // Promised Wednesday 16:00 in Berlin; handed over by 14:00, picked by 12:00, four hours before that.
    ensure!(counted == Some(at("2026-03-04T07:00:00Z")), "{counted:?}");
    ensure!(recorded.contains("\"cut_off_local_time\":\"14:00\""), "the record has what it rests on: {recorded}");
    world.pass_h(1);
    let mut earlier = carrier;
    earlier["service_calendar"]["overrides"]["2026-03-04"] = json!([]);
    world.tell("carrier.upserted", "k2", earlier).await?;
    // No pick-up on that Wednesday: everything is a day earlier.
    let (_, counted) = latest(&world).await?;
    ensure!(counted == Some(at("2026-03-03T07:00:00Z")), "{counted:?}");
    Ok(())
}

async fn what_nothing_can_save_any_more_falls(store: &TestStore) -> anyhow::Result<()> {
    let world = World::over(&store.store)?;
    let ready = weekdays("06:00-22:00");
    let inline = |reference: &str, pick_ups: &str| InlineCase {
        reference: reference.to_owned(),
        category: holdfast::domain::case::Category::InvalidShipTo,
        facts: json!({
            "order": { "order_id": reference, "currency": "EUR", "value": 90000.0, "due_at": "2026-03-04T15:00:00Z",
                "ship_to_complete": false },
            "timetable": { "carrier": { "party": "K", "time_zone": "Europe/Berlin",
                "service_calendar": { "weekly": { pick_ups: ["08:00-16:00"] } } },
                "warehouse": { "party": "W", "time_zone": "Europe/Berlin", "service_calendar": ready } },
        }),
        opened_at: None,
        attributes: serde_json::Map::new(),
        features: None,
    };
    let request = PrioritizeRequest {
        inline: vec![inline("gone", "mon"), inline("open", "wed")],
        as_of: Some(at("2026-03-03T09:00:00Z")),
        explain: true,
        ..PrioritizeRequest::default()
    };
    let decision = prioritize(&world.services, request, &ada()).await?;
    let names: Vec<_> = decision.output.iter().filter_map(|case| case.reference.as_deref()).collect();
    ensure!(names == ["open", "gone"], "{names:?}");
    let [open, gone] = decision.output.as_slice() else { anyhow::bail!("{decision:?}") };
    ensure!(gone.value < open.value, "{} {}", gone.value, open.value);
    let correct = |case: &holdfast::domain::decision::RankedCase| {
        let found = case.actions.iter().find(|c| c.action == ActionKind::RequestAddress);
        found.and_then(|c| c.score).map(|score| score.miss_probability)
    };
    ensure!(correct(gone) > correct(open), "its pick-up was on Monday: the risk stays");
    Ok(())
}
