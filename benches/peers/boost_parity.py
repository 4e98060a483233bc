"""Whether LightGBM, given our exported trees, predicts and explains as we do.

    python benches/peers/boost_parity.py [--rows 20000] FILE.csv.gz ...

For every set and objective: train ours, export, and compare raw scores and contributions with LightGBM's `predict` and
`pred_contrib`, with values changed to be missing and categories never seen. Fails beyond 1e-5 (contributions) and when
contributions do not sum to the raw score within 1e-6.
"""

import argparse
import sys
import tempfile

import lightgbm
import numpy

from boost_data import Set, build, call, generate, read_csv


def changed(data, folder):
    """The set with missing values and unseen categories strewn in."""
    random = numpy.random.default_rng(3)
    records = data.records.copy()
    records[random.random(records.shape) < 0.05] = numpy.nan
    for column in data.categorical:
        records[random.random(len(records)) < 0.05, column] = 77_777
    return Set(data.name, folder, records, data.targets, data.categorical)


def compare(ours, folder, data, objective, rows):
    model, text, out = (f"{folder}/{name}" for name in ("model.hfbt", "model.txt", "explained.f64"))
    call(ours, do="train", **data.arguments, categorical=data.indices, objective=objective, trees=60, leaves=31,
         threads=2, model=model, text=text)
    odd = changed(data, f"{folder}/odd")
    call(ours, do="explain", **{**odd.arguments, "rows": rows}, model=model, out=out, threads=2)
    few = odd.records[:rows]
    found = numpy.fromfile(out, dtype=numpy.float64).reshape(len(few), -1)
    theirs = lightgbm.Booster(model_file=text)
    raw, contributions = theirs.predict(few, raw_score=True), theirs.predict(few, pred_contrib=True)
    differences = {
        "raw": abs(found[:, 0] - raw).max(),
        "contributions": abs(found[:, 1:] - contributions).max(),
        "sum": abs(found[:, 1:].sum(axis=1) - found[:, 0]).max(),
    }
    good = differences["raw"] < 1e-5 and differences["contributions"] < 1e-5 and differences["sum"] < 1e-6
    shown = ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
    print(f"{data.name}, {objective}, {len(few)} rows: greatest difference: {shown}: {'good' if good else 'BAD'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, _ = build(folder)
        good = True
        for index, path in enumerate(options.files):
            good &= compare(ours, folder, read_csv(path, f"{folder}/{index}"), "binary", options.rows)
        for objective in ("binary", "regression", "quantile", "tweedie"):
            data = generate(f"{folder}/{objective}", options.rows, objective=objective)
            good &= compare(ours, folder, data, objective, options.rows)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
