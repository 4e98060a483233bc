//! Understanding an input: the CloudEvents 1.0 envelope, then the typed payload, then what types cannot say.
//!
//! Guarantees: strict where a mistake would be kept for ever (attribute names, identifiers, times), tolerant of members
//! that it does not know; a refusal says where it is wrong and how to mend it. Non-goals: the state that an event meets;
//! see `apply`.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde::de::value::MapDeserializer;
use serde_json::{Map, Value};

use super::checks;
use crate::domain::digest;
use crate::domain::event::{Event, EventRef};
use crate::domain::payload::{EVENT_TYPES, Payload};

/// Bytes of one event in canonical form.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// Characters of an identifier: within what every database can index.
const ID_CHARS_MAX: usize = 256;

/// Below this, sources are the service's own.
pub const OWN_SOURCES: &str = "/holdfast/";

/// By how much a sender's clock may be ahead.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Why an input is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer to the member at fault.
    pub pointer: Option<String>,
    /// What is wrong and how to mend it.
    pub reason: String,
}

impl Problem {
    pub(super) fn at(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), reason: reason.into() }
    }
}

/// An input that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// The event.
    pub event: Event,
    /// Digest of the whole CloudEvent.
    pub digest: String,
}

/// Understands a structured CloudEvent that was received from outside at `recorded`: under a source of the sender's own,
/// and not from the future, where it would hide every later fact.
///
/// # Errors
/// [`Problem`], the first that is found.
pub fn understand(body: &Value, recorded: Timestamp) -> Result<Understood, Problem> {
    let understood = understand_own(body, recorded)?;
    let Event { reference, time, .. } = &understood.event;
    if reference.source.starts_with(OWN_SOURCES) {
        let reason = format!("sources below `{OWN_SOURCES}` are the service's own; send under a source of yours");
        return Err(Problem::at("/source", reason));
    }
    if time.duration_since(recorded) > AHEAD_MAX {
        let reason = format!("`time` is {time}, which is after now ({recorded}); mend it or the sender's clock");
        return Err(Problem::at("/time", reason));
    }
    Ok(understood)
}

/// Understands a structured CloudEvent that the service itself made.
///
/// # Errors
/// [`Problem`], the first that is found.
pub fn understand_own(body: &Value, recorded: Timestamp) -> Result<Understood, Problem> {
    let Value::Object(members) = body else {
        return Err(Problem::at("", "an event is a JSON object; send one CloudEvent 1.0 per item"));
    };
    let canonical = digest::canonical(body).map_err(|e| Problem::at("", e.to_string()))?;
    if canonical.len() > EVENT_BYTES_MAX {
        let size = canonical.len();
        return Err(Problem::at(
            "",
            format!("the event has {size} bytes, at most {EVENT_BYTES_MAX} are taken; split it"),
        ));
    }
    if members.get("specversion") != Some(&Value::from("1.0")) {
        return Err(Problem::at("/specversion", "`specversion` must be the text `1.0`"));
    }
    for (name, value) in members {
        check_attribute(name, value)?;
    }
    let reference = EventRef { source: source(members)?, id: identifier(members, "id")? };
    let event_type = identifier(members, "type")?;
    if !EVENT_TYPES.contains(&event_type.as_str()) {
        let known = EVENT_TYPES.join("`, `");
        return Err(Problem::at("/type", format!("type `{event_type}` is unknown; use one of `{known}`")));
    }
    let data = members.get("data").unwrap_or(&Value::Null);
    let time = match members.get("time") {
        None | Some(Value::Null) => said_in(data).filter(|at| *at <= recorded).unwrap_or(recorded),
        Some(time) => Timestamp::deserialize(time)
            .map_err(|e| Problem::at("/time", format!("`time` must be RFC 3339 with an offset: {e}")))?,
    };
    if !data.is_object() {
        return Err(Problem::at("/data", "`data` must be a JSON object with the members of the event's type"));
    }
    checks::of_values(data)?;
    let payload = payload(&event_type, data)?;
    checks::of_payload(&payload)?;
    Ok(Understood { event: Event { reference, time, recorded, payload }, digest: digest::hex_of_bytes(&canonical) })
}

/// When it happened by its own data, for an envelope that does not say.
fn said_in(data: &Value) -> Option<Timestamp> {
    data.get("at")?.as_str()?.parse().ok()
}

/// What can be read of an input's identity: source, id and type.
#[must_use]
pub fn identity(body: &Value) -> [Option<String>; 3] {
    ["source", "id", "type"].map(|name| body.get(name).and_then(Value::as_str).map(str::to_owned))
}

/// CloudEvents 1.0, section 3: lower-case letters and digits; context attributes are simple values.
fn check_attribute(name: &str, value: &Value) -> Result<(), Problem> {
    let pointer = || format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    match name {
        "data" => return Ok(()),
        "data_base64" => {
            return Err(Problem::at(pointer(), "binary data is not taken; send the payload as JSON in `data`"));
        }
        _ => {}
    }
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        let reason =
            format!("attribute name `{name}` is not lower-case letters and digits; rename it or move it into `data`");
        return Err(Problem::at(pointer(), reason));
    }
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) if number.is_i64() => Ok(()),
        Value::String(text) if text.is_empty() => {
            Err(Problem::at(pointer(), format!("attribute `{name}` is empty; leave it out instead")))
        }
        Value::String(text) if text.chars().any(char::is_control) => {
            Err(Problem::at(pointer(), format!("attribute `{name}` has a control character; remove it")))
        }
        Value::String(text) if name == "datacontenttype" && !is_json(text) => {
            Err(Problem::at(pointer(), format!("`datacontenttype` is `{text}`; only `application/json` is taken")))
        }
        Value::String(_) => Ok(()),
        _ => Err(Problem::at(pointer(), format!("attribute `{name}` must be a text, whole number or boolean"))),
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}

fn identifier(members: &Map<String, Value>, name: &str) -> Result<String, Problem> {
    let text = members.get(name).and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() {
        return Err(Problem::at(
            format!("/{name}"),
            format!("`{name}` is required and must be a text that is not empty"),
        ));
    }
    if text.chars().count() > ID_CHARS_MAX {
        let reason = format!("`{name}` is longer than {ID_CHARS_MAX} characters; shorten it");
        return Err(Problem::at(format!("/{name}"), reason));
    }
    Ok(text.to_owned())
}

fn source(members: &Map<String, Value>) -> Result<String, Problem> {
    let source = identifier(members, "source")?;
    if source.chars().any(char::is_whitespace) {
        return Err(Problem::at("/source", format!("source `{source}` is not a URI reference; remove the blanks")));
    }
    Ok(source)
}

fn payload(event_type: &str, data: &Value) -> Result<Payload, Problem> {
    // The type first, so that the data is read by its own type and an error knows its place.
    let members = [("type", Value::from(event_type)), ("data", data.clone())];
    let tagged = MapDeserializer::new(members.into_iter());
    serde_path_to_error::deserialize(tagged).map_err(|error| {
        let pointer = pointer(error.path());
        let message: serde_json::Error = error.into_inner();
        Problem::at(pointer, format!("`data` is not what `{event_type}` carries: {message}; mend this member"))
    })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::from("/data");
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } if key != "data" => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Whether an identifier of the outside world can be stored and found.
pub(super) fn is_usable_id(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= ID_CHARS_MAX
}
