//! Ranking: estimators, refusals and the gate on logs whose truth is known.

mod bandit;
mod estimators;
mod gate;
mod refusal;
mod sure;
