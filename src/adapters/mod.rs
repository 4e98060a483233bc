//! What answers the ports: stores, models, connectors, clocks, mail. Each vendor crate is named here and nowhere else.

pub mod candle;
pub mod clock;
pub mod connectors;
pub mod linfa;
pub mod mail;
pub mod models;
pub mod store;
pub mod vectors;
