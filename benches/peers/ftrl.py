"""Why FTRL does well where rates drift: order of the rows, recency, or restraint?

    benches/peers/run.sh ftrl <descriptor.toml> <data.csv.gz>

linfa's FTRL (McMahan et al. 2013: one pass over the rows, a step per column that shrinks) beats linfa's logistic regression on
scms by far. This fits both kinds on the same columns (standardised numbers and as-of rates of categories): FTRL in the order of time,
shuffled, and in several step sizes; batch logistic regression under light to heavy penalties, with and without weights that
halve over a share of the rows. Printed: log loss on four forward folds of the rows before the test, and of the test, of which
nothing here is chosen.
"""

import argparse
import tempfile

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from tabular import Data

FOLDS, FROM = 4, 0.7


def design(data, known, block):
    """Standardised columns of known and of later rows, clipped to the known range, with indicators of absence."""
    x, later = data.rates(known, known), data.rates(known, block)
    low, high = np.nanquantile(x, 0.005, axis=0), np.nanquantile(x, 0.995, axis=0)
    x, later = np.clip(x, low, high), np.clip(later, low, high)
    mean, deviation = np.nan_to_num(np.nanmean(x, axis=0)), np.nanstd(x, axis=0) + 1e-9
    absent = np.isnan(x).any(axis=0)
    parts = [np.column_stack([np.nan_to_num((m - mean) / deviation), np.isnan(m)[:, absent]]) for m in (x, later)]
    return [np.column_stack([np.ones(len(part)), part]) for part in parts]


def ftrl(alpha, shuffled=False, beta=1.0, l2=1.0):
    def fit(x, y):
        z, n = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        order = np.random.default_rng(0).permutation(len(x)) if shuffled else np.arange(len(x))
        for row, label in zip(x[order], y[order]):
            weights = -z / ((beta + np.sqrt(n)) / alpha + l2)
            gradient = (1 / (1 + np.exp(-np.clip(row @ weights, -30, 30))) - label) * row
            z += gradient - (np.sqrt(n + gradient**2) - np.sqrt(n)) / alpha * weights
            n += gradient**2
        return -z / ((beta + np.sqrt(n)) / alpha + l2)
    return fit


def logistic(penalty, half_life=None):
    def fit(x, y):
        age = np.arange(len(x))[::-1] / len(x)
        weights = None if half_life is None else 0.5 ** (age / half_life)
        model = LogisticRegression(C=1 / penalty, max_iter=500, fit_intercept=False)
        return model.fit(x, y, sample_weight=weights).coef_[0]
    return fit


LEARNERS = (
    [(f"logistic, penalty {penalty}", logistic(penalty)) for penalty in (1, 10, 100, 1000)]
    + [(f"logistic, penalty 100, weights halve over {share:.0%} of the rows", logistic(100, share)) for share in (0.5, 0.2, 0.1)]
    + [(f"FTRL, alpha {alpha}", ftrl(alpha)) for alpha in (0.01, 0.03, 0.1, 0.3)]
    + [(f"FTRL, alpha {alpha}, rows shuffled", ftrl(alpha, shuffled=True)) for alpha in (0.03, 0.1)]
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptor")
    parser.add_argument("data")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Data(options.descriptor, options.data, folder)
        pool = data.before_test()
        edges = np.linspace(FROM * len(pool), len(pool), FOLDS + 1).astype(int)
        parts = [(pool[:start], pool[start:end]) for start, end in zip(edges, edges[1:])] + [(pool, data.rows["test"])]
        designs = [design(data, known, block) for known, block in parts]
        print(f"{'':<58} {'forward':>8} {'by fold':>31} {'test':>8}")
        for name, fit in LEARNERS:
            losses = []
            for (known, block), (x, later) in zip(parts, designs):
                p = 1 / (1 + np.exp(-np.clip(later @ fit(x, data.y[known]), -30, 30)))
                losses.append(log_loss(data.y[block], p))
            by_fold = " ".join(f"{loss:.4f}" for loss in losses[:-1])
            print(f"{name:<58} {np.mean(losses[:-1]):>8.4f} {by_fold:>31} {losses[-1]:>8.4f}", flush=True)


if __name__ == "__main__":
    main()
