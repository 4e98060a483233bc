//! The same data, settings and seed give the same bytes.

use holdfast_training::tabular::boost::{BoostParams, Objective, Records};

use super::data::{fit, late, params};

fn bytes_on(threads: usize, params: &BoostParams, data: &Records) -> Vec<u8> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| fit(params, data).to_bytes())
}

#[test]
fn on_any_number_of_threads_and_on_a_second_run() {
    // Enough rows for every piece of work to be shared.
    let labels = late(30_000, 11);
    let amounts = Records::new(labels.records.clone(), &labels.targets + &labels.records.column(0));
    for objective in
        [Objective::Logistic, Objective::Squared, Objective::Quantile { level: 0.9 }, Objective::Tweedie { power: 1.3 }]
    {
        let params = params(objective).trees(8).leaves_max(40).row_share(0.7).column_share(0.8).seed(5);
        let data = if objective == Objective::Logistic { &labels } else { &amounts };
        let one = bytes_on(1, &params, data);
        assert_eq!(one, bytes_on(1, &params, data), "{objective:?}: a second run");
        for threads in [2, 3, 7] {
            assert_eq!(one, bytes_on(threads, &params, data), "{objective:?}: {threads} threads");
        }
        assert_ne!(one, bytes_on(1, &params.clone().seed(6), data), "{objective:?}: the seed decides what is drawn");
    }
}
