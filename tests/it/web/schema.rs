//! The document and its enforcement stay in step.

use std::collections::BTreeSet;

use holdfast::domain::case::CaseState;
use holdfast::domain::message::Intent;
use holdfast::domain::proposal::ProposalState;
use holdfast::web::openapi::document;
use holdfast::web::schema::{ENFORCED, PATTERNS};
use serde_json::Value;

/// Keywords that say nothing about what is allowed.
const ANNOTATIONS: [&str; 5] = ["description", "title", "example", "examples", "default"];

fn visit(schema: &Value, seen: &mut BTreeSet<String>, patterns: &mut BTreeSet<String>) {
    let Some(members) = schema.as_object() else { return };
    for (keyword, value) in members {
        seen.insert(keyword.clone());
        match keyword.as_str() {
            "properties" => value.as_object().unwrap().values().for_each(|s| visit(s, seen, patterns)),
            "items" | "additionalProperties" | "propertyNames" => visit(value, seen, patterns),
            "oneOf" | "allOf" => value.as_array().unwrap().iter().for_each(|s| visit(s, seen, patterns)),
            "pattern" => drop(patterns.insert(value.as_str().unwrap().to_owned())),
            _ => {}
        }
    }
}

#[test]
fn every_keyword_of_the_document_is_enforced() {
    let (mut seen, mut patterns) = (BTreeSet::new(), BTreeSet::new());
    for schema in document()["components"]["schemas"].as_object().unwrap().values() {
        visit(schema, &mut seen, &mut patterns);
    }
    let open: Vec<_> =
        seen.iter().filter(|k| !ENFORCED.contains(&k.as_str()) && !ANNOTATIONS.contains(&k.as_str())).collect();
    assert!(open.is_empty(), "keywords that nothing enforces: {open:?}");
    let unknown: Vec<_> = patterns.iter().filter(|p| !PATTERNS.contains(&p.as_str())).collect();
    assert!(unknown.is_empty(), "patterns that nothing enforces: {unknown:?}");
}

#[test]
fn operations_are_named_once_and_every_reference_leads_somewhere() {
    let document = document();
    let mut names = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} is there twice");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{name} has no summary");
        }
    }
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn closed_sets_are_documented_by_their_wire_names() {
    let document = document();
    let names = |schema: &str| document["components"]["schemas"][schema]["enum"].clone();
    let intents: Vec<&str> = Intent::ALL.iter().map(|intent| intent.name()).collect();
    assert_eq!(names("Intent"), serde_json::json!(intents));
    assert_eq!(names("CaseStateName"), serde_json::json!(CaseState::NAMES));
    assert_eq!(names("ProposalStateName"), serde_json::json!(ProposalState::NAMES));
}
