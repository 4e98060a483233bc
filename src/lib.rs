//! Holdfast: triage of order exceptions in distribution.
//!
//! The modules stand in flow order: nouns, what the flow may ask of the outside, the flow itself, what answers it, and
//! the edges that people and machines use.

pub mod domain;

pub mod ports;

pub mod flow;

pub mod adapters;

pub mod web;

pub mod config;

pub mod telemetry;

pub mod app;

pub mod commands;
