//! Support: the false-alarm rate, what is always outside, reasons in words, odd input.

use crate::support::{Random, chain};
use holdfast_training::tabular::statistics::normal;
use holdfast_training::tabular::support::{Oddity, Support, SupportOptions};
use holdfast_training::tabular::table::{Feature, Kind, Schema, Value};

fn schema() -> Schema {
    let feature = |(name, kind): (&str, Kind)| Feature { name: name.into(), kind, label: format!("the {name}") };
    let names =
        [("load", Kind::Numeric), ("days", Kind::Numeric), ("carrier", Kind::Categorical), ("sku", Kind::Categorical)];
    Schema { version: "support".into(), features: names.into_iter().map(feature).collect() }
}

/// A load, days that follow it (never missing), one of four carriers, and a SKU that is new every twentieth time.
fn row(random: &mut Random, fresh: &mut usize) -> Vec<Value> {
    let load = normal::quantile(random.uniform());
    let days = 10.0 + 3.0 * load + normal::quantile(random.uniform());
    let load = if random.uniform() < 0.1 { Value::Missing } else { Value::Number(load) };
    let carrier = ["air", "road", "rail", "sea"][(4.0 * random.uniform().powi(2)) as usize];
    let sku = if random.uniform() < 0.05 {
        *fresh += 1;
        format!("new {fresh}")
    } else {
        format!("sku {}", (40.0 * random.uniform()) as usize)
    };
    vec![load, Value::Number(days), Value::Text(carrier.into()), Value::Text(sku)]
}

fn fit(options: &SupportOptions) -> (Support, Vec<Vec<Value>>) {
    let (mut random, mut fresh) = (Random(5), 0);
    let rows: Vec<Vec<Value>> = (0..30_000).map(|_| row(&mut random, &mut fresh)).collect();
    let views: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
    let support = Support::fit(&schema(), &views[..5000], &views[5000..7000], options).unwrap();
    (support, rows[7000..].to_vec())
}

#[test]
fn ordinary_rows_are_outside_at_the_stated_rate() {
    for rate in [0.01, 0.05] {
        let (support, fresh) = fit(&SupportOptions { false_alarm_rate: rate, ..SupportOptions::default() });
        let outside = fresh.iter().filter(|row| support.judge(row).unwrap().outside).count() as f64;
        let found = outside / fresh.len() as f64;
        assert!(found < 1.3 * rate, "{found} of {rate}");
    }
}

#[test]
fn what_training_never_had_is_outside_with_the_reason() {
    let (support, fresh) = fit(&SupportOptions { must_know: vec!["sku".into()], ..SupportOptions::default() });
    let support: Support = serde_json::from_str(&serde_json::to_string(&support).unwrap()).unwrap();
    let changed = |index: usize, value: Value| {
        let judgements = fresh.iter().take(500).map(|row| {
            let mut row = row.clone();
            row[index] = value.clone();
            support.judge(&row).unwrap()
        });
        let judgements: Vec<_> = judgements.collect();
        assert!(judgements.iter().all(|judgement| judgement.outside), "{}", judgements[0]);
        judgements.into_iter().find(|judgement| judgement.reasons.len() == 1).unwrap()
    };
    let carrier = changed(2, Value::Text("drone".into()));
    assert_eq!(carrier.to_string(), "outside what training had: the carrier is drone, which training never had");
    assert!(carrier.novelty > 1.0 && carrier.reasons[0].oddity == Oddity::Unseen);
    let far = changed(1, Value::Number(60.0)).to_string();
    assert!(far.starts_with("outside what training had: the days is 60, above all of training (highest 2"), "{far}");
    assert!(changed(1, Value::Number(-1e30)).to_string().contains("below all of training"));
    let missing = changed(1, Value::Missing).to_string();
    assert!(missing.ends_with("the days is missing, and never was in training"), "{missing}");
    // A new SKU is no surprise, every twentieth is new; but nothing can be said without knowing it.
    assert!(changed(3, Value::Text("new SKU".into())).to_string().contains("the sku is new SKU"));
    changed(3, Value::Missing);
    let (lenient, fresh) = fit(&SupportOptions::default());
    let mut row = fresh[0].clone();
    row[3] = Value::Text("new SKU".into());
    assert!(!lenient.judge(&row).unwrap().outside);
    assert_eq!(lenient.judge(&fresh[0]).unwrap().to_string(), "within what training had");
}

#[test]
fn values_that_are_rare_together_are_outside_too() {
    let (support, _) = fit(&SupportOptions::default());
    // Each at most at its range's end, the rarest carrier, a new SKU.
    let row = [Value::Number(3.3), Value::Number(0.0), Value::Text("sea".into()), Value::Text("new 0".into())];
    let judgement = support.judge(&row).unwrap();
    assert!(judgement.outside && judgement.together && judgement.reasons.len() == 3, "{judgement}");
    assert!(judgement.to_string().starts_with("unusual only all together: the "), "{judgement}");
}

#[test]
fn odd_input_is_refused_or_survived() {
    let rows = vec![vec![Value::Missing; 4]; 400];
    let views: Vec<&[Value]> = rows.iter().map(Vec::as_slice).collect();
    let support = Support::fit(&schema(), &views, &views, &SupportOptions::default()).unwrap();
    assert!(!support.judge(&rows[0]).unwrap().outside);
    let known = [Value::Number(1.0), Value::Missing, Value::Missing, Value::Missing];
    assert!(support.judge(&known).unwrap().outside, "a value where there never was one");
    assert!(support.judge(&known[..2]).is_err());
    let error = |options: SupportOptions| chain(&Support::fit(&schema(), &views[..100], &views, &options).unwrap_err());
    assert!(error(SupportOptions::default()).contains("100 training rows"));
    assert!(error(SupportOptions { false_alarm_rate: f64::NAN, ..SupportOptions::default() }).contains("NaN"));
    assert!(error(SupportOptions { must_know: vec!["load".into()], ..SupportOptions::default() }).contains("`load`"));
    assert!(error(SupportOptions { ignored: vec!["x".into()], ..SupportOptions::default() }).contains("`ignored`"));
    let narrow = vec![vec![Value::Missing]; 400];
    let narrow: Vec<&[Value]> = narrow.iter().map(Vec::as_slice).collect();
    let bad = Support::fit(&schema(), &views, &narrow, &SupportOptions::default()).unwrap_err();
    assert!(chain(&bad).starts_with("calibration row 0 does not fit"), "{}", chain(&bad));
}
