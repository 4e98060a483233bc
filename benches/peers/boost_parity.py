"""Whether LightGBM, given our exported trees, predicts and explains as we do.

    benches/peers/run.sh parity [--rows 20000] FILE.csv.gz ...

For every file: train ours on the training rows, export, and compare raw scores and contributions with LightGBM's `predict` and
`pred_contrib` on every test row, as it is and with values changed to be missing and categories never seen; the same for every
objective on generated rows. Fails beyond 1e-5 (raw, contributions) and when contributions do not sum to the raw score
within 1e-6.
"""

import argparse
import sys
import tempfile

import lightgbm
import numpy

from boost_data import UNSEEN, Set, build, call, generate, read_csv


def changed(data, folder):
    """The set with missing values and unseen categories strewn in."""
    random = numpy.random.default_rng(3)
    records = data.records.copy()
    records[random.random(records.shape) < 0.05] = numpy.nan
    for column in data.categorical:
        records[random.random(len(records)) < 0.05, column] = UNSEEN
    return Set(f"{data.name}, changed", folder, records, data.targets, data.categorical)


def compare(ours, folder, train, test, objective):
    """Trains on one set and compares on all rows of another, as they are and changed."""
    model, text, out = (f"{folder}/{name}" for name in ("model.hfbt", "model.txt", "explained.f64"))
    call(ours, do="train", **train.arguments, categorical=train.indices, objective=objective, trees=60, leaves=31,
         threads=2, model=model, text=text)
    theirs, good = lightgbm.Booster(model_file=text), True
    for rows in (test, changed(test, f"{folder}/changed")):
        call(ours, do="explain", **rows.arguments, model=model, out=out, threads=2)
        found = numpy.fromfile(out, dtype=numpy.float64).reshape(len(rows.records), -1)
        raw = theirs.predict(rows.records, raw_score=True)
        contributions = theirs.predict(rows.records, pred_contrib=True)
        differences = {
            "raw": (abs(found[:, 0] - raw).max(), 1e-5),
            "contributions": (abs(found[:, 1:] - contributions).max(), 1e-5),
            "sum": (abs(found[:, 1:].sum(axis=1) - found[:, 0]).max(), 1e-6),
        }
        kept = all(value < bar for value, bar in differences.values())
        shown = ", ".join(f"{name} {value:.1e} < {bar:.0e}" for name, (value, bar) in differences.items())
        print(f"{'PASS' if kept else 'FAIL'}  {rows.name}, {objective}, {len(rows.records)} rows: {shown}", flush=True)
        good &= kept
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--rows", type=int, default=20_000, help="of the generated sets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, _ = build(folder)
        good = True
        for index, path in enumerate(options.files):
            train, test = (read_csv(path, f"{folder}/{index}-{split}", split) for split in ("0", "2"))
            good &= compare(ours, folder, train, test, "binary")
        for objective in ("binary", "regression", "quantile", "tweedie"):
            data = generate(f"{folder}/{objective}", options.rows, objective=objective)
            good &= compare(ours, folder, data, data, objective)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
