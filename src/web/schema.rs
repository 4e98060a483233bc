//! Checks JSON against the schemas of the API document, so that what is documented is what is enforced.
//!
//! Guarantees: covers every keyword that the document uses (a test looks for others); each fault has its JSON pointer.
//! Non-goals: being a general JSON Schema validator.

use serde_json::{Map, Value};

use super::error::Fault;

/// Keywords that [`check`] enforces; others in the document are annotations.
pub const ENFORCED: [&str; 19] = [
    "$ref",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "oneOf",
    "allOf",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "format",
    "propertyNames",
    "pattern",
];

/// Faults shown at most.
const FAULTS_MAX: usize = 20;

/// The faults of `value` against the component schema `name`.
#[must_use]
pub fn check(document: &Value, name: &str, value: &Value) -> Vec<Fault> {
    let mut checker = Checker { document, faults: Vec::new() };
    if let Some(schema) = document.pointer(&format!("/components/schemas/{name}")) {
        checker.visit(schema, value, String::new());
    }
    checker.faults
}

/// Pointer to the first text that holds a NUL.
#[must_use]
pub fn nul_in(value: &Value, at: String) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then_some(at),
        Value::Array(items) => items.iter().enumerate().find_map(|(i, v)| nul_in(v, format!("{at}/{i}"))),
        Value::Object(members) => members.iter().find_map(|(k, v)| {
            let here = below(&at, k);
            if k.contains('\0') { Some(at.clone()) } else { nul_in(v, here) }
        }),
        _ => None,
    }
}

struct Checker<'a> {
    document: &'a Value,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn fault(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }

    fn faults_of(&self, schema: &Value, value: &Value, at: &str) -> Vec<Fault> {
        let mut inner = Checker { document: self.document, faults: Vec::new() };
        inner.visit(schema, value, at.to_owned());
        inner.faults
    }

    fn visit(&mut self, schema: &Value, value: &Value, at: String) {
        let Some(schema) = schema.as_object() else { return };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let document = self.document;
            if let Some(target) = document.pointer(target.trim_start_matches('#')) {
                self.visit(target, value, at.clone());
            }
        }
        for part in members(schema, "allOf") {
            self.visit(part, value, at.clone());
        }
        let choices: Vec<_> = members(schema, "oneOf").map(|choice| self.faults_of(choice, value, &at)).collect();
        if !choices.is_empty() && choices.iter().all(|faults| !faults.is_empty()) {
            self.no_choice(choices, &at);
        }
        if let Some(kinds) = schema.get("type").filter(|kinds| !is_kind(kinds, value)) {
            let wanted = kinds.to_string().replace('"', "");
            return self.fault(&at, format!("must be of type {wanted}"));
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array).filter(|a| !a.contains(value)) {
            let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            self.fault(&at, format!("must be one of {}", names.join(", ")));
        }
        match value {
            Value::Object(object) => self.object(schema, object, &at),
            Value::Array(items) => self.array(schema, items, &at),
            Value::String(text) => self.text(schema, text, &at),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or(f64::NAN), &at),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Tells of the choice that came nearest: the one whose faults lie deepest, else the first.
    fn no_choice(&mut self, choices: Vec<Vec<Fault>>, at: &str) {
        let nearest = choices.into_iter().rev().max_by_key(|faults| faults.iter().map(|f| f.pointer.len()).max());
        for fault in nearest.unwrap_or_default() {
            self.fault(&fault.pointer, fault.detail);
        }
        if self.faults.is_empty() {
            self.fault(at, "fits none of the allowed forms");
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, object: &Map<String, Value>, at: &str) {
        for name in members(schema, "required").filter_map(Value::as_str) {
            if !object.contains_key(name) {
                self.fault(&below(at, name), "is missing");
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let other = schema.get("additionalProperties");
        for (name, member) in object {
            let here = below(at, name);
            match (properties.and_then(|p| p.get(name)), other) {
                (Some(property), _) => self.visit(property, member, here),
                (None, Some(Value::Bool(false))) => self.fault(&here, "is not a member of this object"),
                (None, Some(rest)) => self.visit(rest, member, here),
                (None, None) => {}
            }
            if let Some(names) = schema.get("propertyNames") {
                self.visit(names, &Value::String(name.clone()), below(at, name));
            }
        }
        self.bound(schema, "maxProperties", object.len(), |n, max| n <= max, "members at most", at);
    }

    fn array(&mut self, schema: &Map<String, Value>, items: &[Value], at: &str) {
        self.bound(schema, "minItems", items.len(), |n, min| n >= min, "items at least", at);
        self.bound(schema, "maxItems", items.len(), |n, max| n <= max, "items at most", at);
        if let Some(item) = schema.get("items") {
            for (index, value) in items.iter().enumerate() {
                self.visit(item, value, format!("{at}/{index}"));
            }
        }
    }

    fn text(&mut self, schema: &Map<String, Value>, text: &str, at: &str) {
        let length = text.chars().count();
        self.bound(schema, "minLength", length, |n, min| n >= min, "characters at least", at);
        self.bound(schema, "maxLength", length, |n, max| n <= max, "characters at most", at);
        let fits = match schema.get("format").and_then(Value::as_str) {
            Some("uuid") => text.len() == 36 && text.parse::<uuid::Uuid>().is_ok(),
            Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
            Some("uri") => text.parse::<axum::http::Uri>().is_ok_and(|uri| uri.scheme().is_some()),
            _ => true,
        };
        if schema.get("pattern").and_then(Value::as_str).is_some_and(|p| !matches(p, text)) {
            self.fault(at, "does not have the documented pattern");
        }
        if !fits {
            let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
            self.fault(at, format!("is no {format}"));
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, number: f64, at: &str) {
        if let Some(min) = schema.get("minimum").and_then(Value::as_f64).filter(|min| number < *min) {
            self.fault(at, format!("must be at least {min}"));
        }
        if let Some(max) = schema.get("maximum").and_then(Value::as_f64).filter(|max| number > *max) {
            self.fault(at, format!("must be at most {max}"));
        }
    }

    fn bound(
        &mut self,
        schema: &Map<String, Value>,
        keyword: &str,
        count: usize,
        holds: fn(u64, u64) -> bool,
        noun: &str,
        at: &str,
    ) {
        let Some(limit) = schema.get(keyword).and_then(Value::as_u64) else { return };
        if !holds(count as u64, limit) {
            self.fault(at, format!("must have {limit} {noun}"));
        }
    }
}

/// The patterns that bodies use; a test keeps this list and the document in step.
pub const PATTERNS: [&str; 2] = [r"\S", "^[A-Z]{3}$"];

fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        r"\S" => text.chars().any(|c| !c.is_whitespace()),
        "^[A-Z]{3}$" => text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()),
        _ => true,
    }
}

fn members<'a>(schema: &'a Map<String, Value>, keyword: &str) -> impl Iterator<Item = &'a Value> {
    schema.get(keyword).and_then(Value::as_array).into_iter().flatten()
}

fn is_kind(kinds: &Value, value: &Value) -> bool {
    match kinds {
        Value::Array(kinds) => kinds.iter().any(|kind| is_kind(kind, value)),
        Value::String(kind) => match kind.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        },
        _ => true,
    }
}

fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}
