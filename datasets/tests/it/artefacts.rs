//! Inbound artefacts: every form comes, says what its sender knows, and keeps what it is about aside.

use std::collections::BTreeMap;

use holdfast_datasets::simulator::{Artefact, ArtefactTruth, Form};

use crate::{demo, of_kind};

fn of(form: Form) -> impl Iterator<Item = (&'static Artefact, &'static ArtefactTruth)> {
    let run = demo();
    run.artefacts.iter().zip(&run.artefact_truth).filter(move |(artefact, _)| artefact.form == form)
}

#[test]
fn every_form_comes_in_the_order_of_time() {
    let mut counts = BTreeMap::<Form, usize>::new();
    for (number, artefact) in demo().artefacts.iter().enumerate() {
        assert_eq!(artefact.number, number);
        *counts.entry(artefact.form).or_default() += 1;
    }
    assert_eq!(counts.len(), 6, "{counts:?}");
    assert!(counts.values().all(|&count| count >= 10), "{counts:?}");
    assert!(demo().artefacts.is_sorted_by_key(|artefact| artefact.at));
    assert_eq!(demo().artefacts.len(), demo().artefact_truth.len());
}

#[test]
fn a_ship_notice_says_what_comes_and_its_truth_whether_that_is_all() {
    for (artefact, truth) in of(Form::X12ShipNotice856) {
        let bought = truth.purchase_order_id.as_deref().unwrap();
        assert!(artefact.body.contains(&format!("PRF*{bought}~")));
        assert!(artefact.body.contains(&format!("SN1**{}*", truth.quantity.unwrap())));
        assert!(!artefact.body.contains(&truth.meaning), "the notice does not say whether something is missing");
    }
    assert!(of(Form::X12ShipNotice856).any(|(_, truth)| truth.meaning == "short"));
    assert!(of(Form::X12PurchaseOrderAcknowledgement855).any(|(_, truth)| truth.meaning == "moved"));
}

#[test]
fn customers_change_orders_by_their_own_numbers() {
    for (artefact, truth) in of(Form::X12OrderChange860) {
        let ours = truth.order_id.as_deref().unwrap();
        assert!(!artefact.body.contains(ours), "{}", artefact.body);
        let placed = of_kind(demo(), "order.placed").find(|event| event.data["order_id"] == ours).unwrap();
        assert!(artefact.body.contains(placed.data["po_number"].as_str().unwrap()));
        assert_eq!(artefact.sender, placed.data["customer_id"].as_str().unwrap());
    }
}

#[test]
fn carriers_speak_of_trackings_and_customers_systems_refuse_what_does_not_match() {
    for (artefact, truth) in of(Form::CarrierWebhook) {
        assert!(!artefact.body.contains(truth.order_id.as_deref().unwrap()));
        assert!(!artefact.body.contains(truth.shipment_id.as_deref().unwrap()));
    }
    let answers: Vec<&str> =
        of(Form::X12FunctionalAcknowledgement997).map(|(_, truth)| truth.meaning.as_str()).collect();
    assert!(answers.contains(&"accepted") && answers.contains(&"rejected"));
}
