//! The stored bytes.

use holdfast_training::tabular::boost::{ArtefactError, Booster, Objective};
use proptest::prelude::*;

use super::data::{fit, late, params};

#[test]
fn reads_back_to_the_same_model() {
    let data = late(2000, 13);
    for objective in [
        Objective::Logistic,
        Objective::Squared,
        Objective::Quantile { level: 0.25 },
        Objective::Tweedie { power: 1.9 },
    ] {
        let booster = fit(&params(objective), &data);
        let bytes = booster.to_bytes();
        let read = Booster::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        assert_eq!(read.raw_batch(data.records.view()), booster.raw_batch(data.records.view()));
        assert_eq!(read.importance(), booster.importance());
        assert!(bytes.len() < 40 * 12 * 25, "{} bytes", bytes.len());
    }
}

#[test]
fn refuses_what_it_did_not_write() {
    let bytes = fit(&params(Objective::Logistic), &late(500, 14)).to_bytes();
    assert_eq!(Booster::from_bytes(&[]), Err(ArtefactError::Magic));
    assert_eq!(Booster::from_bytes(b"{\"trees\":[]}"), Err(ArtefactError::Magic));
    let mut later = bytes.clone();
    later[4] = 9;
    assert_eq!(Booster::from_bytes(&later), Err(ArtefactError::Version { found: 9, expected: 1 }));
    for end in 4..bytes.len() {
        let error = Booster::from_bytes(&bytes[..end]).unwrap_err();
        assert!(matches!(error, ArtefactError::Truncated { .. }), "{end}: {error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(Booster::from_bytes(&longer), Err(ArtefactError::Damaged { .. })));
}

proptest! {
    #[test]
    fn any_change_gives_a_usable_model_or_an_error(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        row in proptest::collection::vec(any::<f32>(), 0..8),
    ) {
        let mut bytes = stored();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(booster) = Booster::from_bytes(&bytes) {
            prop_assert!(booster.raw(&row).is_finite());
            prop_assert_eq!(booster.contributions(&row).len(), booster.columns() + 1);
            prop_assert!(booster.to_lightgbm(&[]).starts_with("tree\n"));
            prop_assert_eq!(Booster::from_bytes(&booster.to_bytes()).unwrap(), booster);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let named = [&b"HFBT\x01"[..], &bytes].concat();
        prop_assert!(Booster::from_bytes(&bytes).is_err());
        let _ = Booster::from_bytes(&named);
    }
}

/// A small stored model, made once.
fn stored() -> Vec<u8> {
    static STORED: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    STORED.get_or_init(|| fit(&params(Objective::Logistic).trees(4).leaves_max(5), &late(400, 15)).to_bytes()).clone()
}
