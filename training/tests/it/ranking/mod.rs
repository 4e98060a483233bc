//! Ranking: estimators, refusals and the gate on logs whose truth is known; costs, evidence, choice and queue.

mod bandit;
mod cost;
mod estimators;
mod evidence;
mod exceptions;
mod gate;
mod queue;
mod refusal;
mod sure;
mod tune;
