//! The flow, phase by phase.

mod accept_cases;
mod accept_events;
mod accept_facts;
mod accept_import;
mod accept_messages;
mod accept_rules;
mod assess_case;
mod assess_features;
mod assess_summary;
mod challenger;
mod decide;
mod effect_gate;
mod effects;
mod execute;
mod execute_stage;
mod execute_visible;
mod for_data_teams;
mod injection;
mod learn;
mod policy_value;
mod promise;
mod promotion;
mod runs;
mod samples;
mod sla;
mod to_label;
