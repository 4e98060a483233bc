//! Parameters against their JSON Schema (2020-12), in the subset that the catalogue uses.
//!
//! Guarantees: a keyword outside the subset is refused at load ([`well_formed`]), so none is ever silently ignored; every
//! violation is reported with its JSON pointer. Non-goals: references, combinators, patterns.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// Something wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the value.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub message: String,
}

const KEYWORDS: [&str; 14] = [
    "type",
    "title",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minLength",
    "maxLength",
    "format",
    "examples",
];

const TYPES: [&str; 5] = ["object", "string", "number", "integer", "boolean"];

/// Whether `schema` stays within the subset.
///
/// # Errors
/// What does not, in words.
pub fn well_formed(schema: &Value) -> Result<(), String> {
    let Value::Object(members) = schema else { return Err("a schema is an object".to_owned()) };
    if let Some(unknown) = members.keys().find(|k| !KEYWORDS.contains(&k.as_str())) {
        return Err(format!("keyword `{unknown}` is not supported; use {}", KEYWORDS.join(", ")));
    }
    let kind = text(members, "type").ok_or("`type` is missing")?;
    if !TYPES.contains(&kind) {
        return Err(format!("type `{kind}` is not supported; use {}", TYPES.join(", ")));
    }
    if members.get("format").is_some_and(|f| f != "date-time") {
        return Err("the only format is `date-time`".to_owned());
    }
    if kind != "object" {
        return Ok(());
    }
    let properties = members.get("properties").and_then(Value::as_object).ok_or("`properties` is missing")?;
    if members.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err("`additionalProperties` must be false".to_owned());
    }
    if let Some(name) = required(members).find(|name| !properties.contains_key(*name)) {
        return Err(format!("`{name}` is required and no property"));
    }
    properties.iter().try_for_each(|(name, inner)| well_formed(inner).map_err(|e| format!("property `{name}`: {e}")))
}

/// Everything that is wrong with `value` under a schema that is [`well_formed`].
#[must_use]
pub fn violations(schema: &Value, value: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    check(schema, value, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, pointer: &str, found: &mut Vec<Violation>) {
    let Value::Object(members) = schema else { return };
    let kind = text(members, "type").unwrap_or("object");
    let fits = match kind {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        _ => value.as_f64().is_some_and(f64::is_finite),
    };
    let mut wrong = |message: String| found.push(Violation { pointer: pointer.to_owned(), message });
    if !fits {
        wrong(format!("must be of type {kind}"));
        return;
    }
    if let Some(Value::Array(allowed)) = members.get("enum")
        && !allowed.contains(value)
    {
        wrong(format!("must be one of {}", Value::Array(allowed.clone())));
    }
    match value {
        Value::Number(number) => check_number(members, number.as_f64().unwrap_or(f64::NAN), &mut wrong),
        Value::String(content) => check_text(members, content, &mut wrong),
        Value::Object(given) => check_members(members, given, pointer, found),
        _ => {}
    }
}

fn check_number(schema: &Map<String, Value>, number: f64, wrong: &mut impl FnMut(String)) {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(least) = bound("minimum").filter(|least| number < *least) {
        wrong(format!("must be at least {least}"));
    }
    if let Some(least) = bound("exclusiveMinimum").filter(|least| number <= *least) {
        wrong(format!("must be more than {least}"));
    }
    if let Some(most) = bound("maximum").filter(|most| number > *most) {
        wrong(format!("must be at most {most}"));
    }
}

fn check_text(schema: &Map<String, Value>, content: &str, wrong: &mut impl FnMut(String)) {
    let length = content.chars().count() as u64;
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    if let Some(least) = bound("minLength").filter(|least| length < *least) {
        wrong(format!("must have at least {least} characters"));
    }
    if let Some(most) = bound("maxLength").filter(|most| length > *most) {
        wrong(format!("must have at most {most} characters"));
    }
    if schema.contains_key("format") && content.parse::<Timestamp>().is_err() {
        wrong("must be an RFC 3339 time with an offset, like 2026-11-20T14:00:00Z".to_owned());
    }
}

fn check_members(schema: &Map<String, Value>, given: &Map<String, Value>, pointer: &str, found: &mut Vec<Violation>) {
    for name in required(schema).filter(|name| !given.contains_key(*name)) {
        found.push(Violation { pointer: pointer.to_owned(), message: format!("`{name}` is missing") });
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, value) in given {
        let inner = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        match properties.and_then(|p| p.get(name)) {
            Some(property) => check(property, value, &inner, found),
            None => {
                let known: Vec<&str> = properties.into_iter().flat_map(|p| p.keys()).map(String::as_str).collect();
                let message = format!("is not a parameter; there are: {}", known.join(", "));
                found.push(Violation { pointer: inner, message });
            }
        }
    }
}

fn required(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn text<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}
