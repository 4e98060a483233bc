//! Boosted trees inside other serialised models: their own format, as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::tabular::boost::Booster;

/// Trees, or none where they could not be fitted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored(pub(crate) Option<Booster>);

impl Serialize for Stored {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().map(|booster| STANDARD.encode(booster.to_bytes())).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Stored {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Stored, D::Error> {
        use serde::de::Error;
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(Stored(None)) };
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        Booster::from_bytes(&bytes).map(|booster| Stored(Some(booster))).map_err(D::Error::custom)
    }
}
