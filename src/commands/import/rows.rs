//! Rows of a file as CloudEvents.
//!
//! A CSV header names `id`, `source`, `time` and `subject` of the event, and members of its data by path (`order_id`,
//! `lines.0.sku`). An empty cell is unknown; `true`, `false` and members that count are read as such; everything else is
//! text, as amounts and quantities are. A row without an id gets its content's digest as one, so that it is known again.
//! A line that is no JSON becomes a text, which the flow keeps as a dead letter.

use std::io::{BufRead as _, BufReader, Lines, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use super::Format;
use crate::domain::digest;
use crate::domain::payload::EVENT_TYPES;

type Input = Box<dyn Read + Send>;

/// Columns that are attributes of the event.
const ATTRIBUTES: [&str; 4] = ["id", "source", "time", "subject"];

/// Members that are whole numbers; every other number is a text on the wire.
const WHOLE: [&str; 4] = ["line_no", "revision", "attempt", "payment_terms_days"];

/// A file being read.
pub(super) enum Rows {
    Ndjson(Lines<BufReader<Input>>),
    Csv { reader: Box<csv::Reader<Input>>, header: Vec<String>, event_type: String, source: String },
}

impl Rows {
    /// Starts on a file.
    pub(super) fn new(input: Input, format: Format, kind: Option<&str>, path: &Path) -> anyhow::Result<Self> {
        if format == Format::Ndjson {
            return Ok(Self::Ndjson(BufReader::new(input).lines()));
        }
        let kind = kind.context("CSV rows need an event type; give `--kind`, such as `--kind order.placed`")?;
        let known = |event_type: &&&str| **event_type == kind || **event_type == format!("io.holdfast.{kind}.v1");
        let Some(event_type) = EVENT_TYPES.iter().find(known) else {
            bail!("event type `{kind}` is unknown; use one of `{}`", EVENT_TYPES.join("`, `"));
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
        let header = reader.headers()?.iter().map(|name| name.trim().to_owned()).collect();
        let name = path.file_name().map_or_else(|| "input".into(), |name| name.to_string_lossy().replace(' ', "_"));
        Ok(Self::Csv {
            reader: Box::new(reader),
            header,
            event_type: (*event_type).to_owned(),
            source: format!("/import/{name}"),
        })
    }

    /// Up to `most` events; none at the end.
    pub(super) fn next_batch(&mut self, most: usize) -> anyhow::Result<Vec<Value>> {
        let mut batch = Vec::new();
        while batch.len() < most {
            match self.next()? {
                None => break,
                Some(row) => batch.push(row),
            }
        }
        Ok(batch)
    }

    fn next(&mut self) -> anyhow::Result<Option<Value>> {
        match self {
            Self::Ndjson(lines) => {
                for line in lines {
                    let line = line?;
                    if !line.trim().is_empty() {
                        return Ok(Some(serde_json::from_str(&line).unwrap_or(Value::String(line))));
                    }
                }
                Ok(None)
            }
            Self::Csv { reader, header, event_type, source } => {
                let mut record = csv::StringRecord::new();
                if !reader.read_record(&mut record)? {
                    return Ok(None);
                }
                event(&record, header, event_type, source).map(Some)
            }
        }
    }
}

fn event(record: &csv::StringRecord, header: &[String], event_type: &str, source: &str) -> anyhow::Result<Value> {
    let mut event = json!({ "specversion": "1.0", "type": event_type, "source": source });
    let mut data = Value::Object(Map::new());
    for (name, cell) in header.iter().zip(record) {
        if cell.is_empty() {
            continue;
        }
        if ATTRIBUTES.contains(&name.as_str()) {
            event[name.as_str()] = Value::from(cell);
        } else {
            put(&mut data, name, cell);
        }
    }
    event["data"] = data;
    if event.get("id").is_none() {
        event["id"] = Value::from(digest::hex_of(&event)?);
    }
    Ok(event)
}

/// Puts a cell at its path; a number in the path is a place in a list.
fn put(data: &mut Value, path: &str, cell: &str) {
    let mut place = data;
    for part in path.split('.') {
        place = match part.parse::<usize>() {
            Ok(index) if index < 10_000 => {
                if !place.is_array() {
                    *place = Value::Array(Vec::new());
                }
                let Value::Array(items) = place else { return };
                if items.len() <= index {
                    items.resize(index + 1, Value::Null);
                }
                &mut items[index]
            }
            _ => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                let Value::Object(members) = place else { return };
                members.entry(part).or_insert(Value::Null)
            }
        };
    }
    let member = path.rsplit('.').next().unwrap_or(path);
    *place = match (cell, cell.parse::<u32>()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Ok(number)) if WHOLE.contains(&member) => Value::from(number),
        _ => Value::from(cell),
    };
}
