//! Reading messages: corpus, encoder, intents, values, links.

mod byte_for_byte;
mod corpus;
mod encoder;
mod extract;
mod extraction;
mod fast;
mod intents;
mod link;
mod mail;
mod parts;
mod samples;
mod sets;
mod shipped;
mod tiny;
mod weights;
mod worlds;
mod writer;
