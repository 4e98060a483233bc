//! Any bytes: the reader of boosted trees answers with an error, or with a model that scores, explains and exports.

#![no_main]

use holdfast_training::tabular::boost::Booster;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(booster) = Booster::from_bytes(bytes) else { return };
    let again = Booster::from_bytes(&booster.to_bytes()).expect("what was read can be written and read");
    assert_eq!(again.to_bytes(), booster.to_bytes());
    // A wide or deep model explains slowly; what a reader must survive shows in the others.
    let small = booster.columns() <= 64 && booster.trees() <= 16 && bytes.len() <= 4096;
    for value in [0.0, f32::NAN, 1.0, -1e30, f32::INFINITY] {
        let row = vec![value; booster.columns().min(1 << 16)];
        let raw = booster.raw(&row);
        assert_eq!(raw.to_bits(), again.raw(&row).to_bits());
        if small {
            assert_eq!(booster.contributions(&row).len(), booster.columns() + 1);
        }
    }
    if small {
        let names: Vec<String> = (0..booster.columns()).map(|column| format!("c{column}")).collect();
        let _ = booster.to_lightgbm(&names);
    }
});
