//! Reading messages: corpus, encoder, intents, values, links.

mod corpus;
mod encoder;
mod extract;
mod fast;
mod intents;
mod link;
mod samples;
mod tiny;
mod worlds;
