//! Any bytes: the reader of risk models answers with an error, or with a model that predicts and explains.

#![no_main]

use holdfast_training::tabular::model::RiskModel;
use holdfast_training::tabular::table::{Kind, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(model) = RiskModel::from_bytes(bytes) else { return };
    let value = |kind: Kind, number: f64| match kind {
        Kind::Numeric => Value::Number(number),
        Kind::Categorical => Value::Text(number.to_string()),
    };
    for number in [0.0, -1e30, 1e30] {
        let row: Vec<Value> = model.schema().features.iter().map(|feature| value(feature.kind, number)).collect();
        let prediction = model.predict(&row).expect("the row fits the model's own schema");
        assert!(prediction.probability > 0.0 && prediction.probability < 1.0);
    }
    let missing = vec![Value::Missing; model.schema().features.len()];
    model.predict(&missing).expect("a missing value fits any schema");
});
