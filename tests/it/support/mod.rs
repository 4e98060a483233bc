//! What tests share: databases of their own, and whatever else a test must not build twice.

pub mod folder;
pub mod process;
pub mod receiver;
pub mod services;
pub mod stores;
