//! Stands in until the member lands.
