"""Late shipments: ours beside LightGBM, XGBoost, CatBoost and scikit-learn, on the same rows, in one run.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install lightgbm xgboost catboost scikit-learn pandas
    /tmp/peers/bin/python benches/peers/tabular.py <descriptor.toml> <data.csv.gz> [...more pairs]

Every peer chooses its settings (a small grid, early stopping) on the validation rows of the descriptor's split and is
fitted on its training rows; ours chooses on forward folds and is fitted again on all rows before the test, as it ships.
Because a peer could do the same, `again` rows show each peer fitted again on training and validation rows with what it
chose. Measured once on the test rows; means over five seeds, of ours ten apart, since it fits three times from each. Times are of
one seed, of the whole procedure.
"""

import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

ROOT = Path(__file__).resolve().parents[2]
SEEDS = range(5)
SMOOTHING = 20.0
ROUNDS_MAX, PATIENCE = 2000, 50


def ece(probability, label, bins=10):
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, bins)
    return sum(len(p) * abs(probability[p].mean() - label[p].mean()) for p in parts if len(p)) / len(label)


class Data:
    """The descriptor's rows: numbers, categories as codes, and as-of rates of categories for encoders that want them."""

    def __init__(self, descriptor, path):
        about = tomllib.loads(Path(descriptor).read_text())
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=about.get("missing", ["", "NA"]))
        self.name = about["name"]
        label, split = about["label"], about["split"]["column"]
        self.y = (frame[label["column"]] == label["positive"]).to_numpy().astype(int)
        self.rows = {part: np.flatnonzero(frame[split["name"]] == split[part]) for part in ("train", "valid", "test")}
        numeric = [f["column"] for f in about["features"] if f["kind"] == "numeric"]
        self.categories = [f["column"] for f in about["features"] if f["kind"] == "categorical"]
        self.numbers = frame[numeric].astype(float).to_numpy()
        self.texts = frame[self.categories].fillna("")
        self.codes = np.column_stack(
            [pd.Categorical(self.texts[c]).codes.astype(float) for c in self.categories] or [np.empty((len(frame), 0))]
        )

    def before_test(self):
        return np.concatenate([self.rows["train"], self.rows["valid"]])

    def native(self, rows):
        return np.column_stack([self.numbers[rows], self.codes[rows]])

    def rates(self, fitted_on, rows):
        """Numbers beside smoothed target rates: as of each row's place for the rows fitted on, of all of them for others."""
        y, prior = self.y[fitted_on], self.y[fitted_on].mean()
        columns = [self.numbers[rows]]
        for category in self.categories:
            sums, counts, seen = {}, {}, {}
            for row, label in zip(fitted_on, y):
                key = self.texts[category].iat[row]
                seen[row] = (sums.get(key, 0.0), counts.get(key, 0.0))
                sums[key], counts[key] = sums.get(key, 0.0) + label, counts.get(key, 0.0) + 1.0
            known = [seen.get(row) or (sums.get(k, 0.0), counts.get(k, 0.0)) for row, k in zip(rows, self.texts[category].iloc[rows])]
            s, n = np.array(known).T
            columns.append((s + SMOOTHING * prior) / (n + SMOOTHING))
        return np.column_stack(columns)


def lightgbm_defaults(data, seed, again):
    rows = data.before_test() if again else data.rows["train"]
    at = list(range(data.numbers.shape[1], data.numbers.shape[1] + data.codes.shape[1]))
    train = lightgbm.Dataset(data.native(rows), data.y[rows], categorical_feature=at)
    model = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 2, "seed": seed}, train, 100)
    return model.predict(data.native(data.rows["test"]))


def lightgbm_tuned(data, seed, again):
    train, valid, test = data.rows["train"], data.rows["valid"], data.rows["test"]
    x, later = data.rates(train, train), data.rates(train, valid)
    best = (np.inf, None)
    for leaves in (7, 15, 31):
        for leaf_rows in (20, 100):
            settings = {"objective": "binary", "verbose": -1, "num_threads": 2, "seed": seed, "learning_rate": 0.05,
                        "num_leaves": leaves, "min_data_in_leaf": leaf_rows, "bagging_fraction": 0.8, "bagging_freq": 1,
                        "feature_fraction": 0.8, "lambda_l2": 1.0}
            rows = lightgbm.Dataset(x, data.y[train])
            model = lightgbm.train(settings, rows, ROUNDS_MAX, valid_sets=[rows.create_valid(later, data.y[valid])],
                                   callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)])
            loss = model.best_score["valid_0"]["binary_logloss"]
            if loss < best[0]:
                best = (loss, model, settings)
    _, model, settings = best
    if not again:
        return model.predict(data.rates(train, test))
    rows = data.before_test()
    model = lightgbm.train(settings, lightgbm.Dataset(data.rates(rows, rows), data.y[rows]), model.best_iteration)
    return model.predict(data.rates(rows, test))


def xgboost_tuned(data, seed, again):
    train, valid, test = data.rows["train"], data.rows["valid"], data.rows["test"]
    x, later = data.rates(train, train), data.rates(train, valid)
    best = (np.inf, None, None)
    for depth in (3, 4, 6):
        settings = {"objective": "binary:logistic", "eval_metric": "logloss", "nthread": 2, "seed": seed, "eta": 0.05,
                    "max_depth": depth, "min_child_weight": 5, "subsample": 0.8, "colsample_bytree": 0.8}
        model = xgboost.train(settings, xgboost.DMatrix(x, data.y[train]), ROUNDS_MAX,
                              evals=[(xgboost.DMatrix(later, data.y[valid]), "valid")],
                              early_stopping_rounds=PATIENCE, verbose_eval=False)
        if model.best_score < best[0]:
            best = (model.best_score, model, settings)
    _, model, settings = best
    rounds = model.best_iteration + 1
    if not again:
        return model.predict(xgboost.DMatrix(data.rates(train, test)), iteration_range=(0, rounds))
    rows = data.before_test()
    model = xgboost.train(settings, xgboost.DMatrix(data.rates(rows, rows), data.y[rows]), rounds)
    return model.predict(xgboost.DMatrix(data.rates(rows, test)))


def catboost_early(data, seed, again):
    train, valid, test = data.rows["train"], data.rows["valid"], data.rows["test"]

    def pool(rows, labelled=True):
        frame = pd.concat([pd.DataFrame(data.numbers[rows]).add_prefix("n"), data.texts.iloc[rows].reset_index(drop=True)], axis=1)
        return catboost.Pool(frame, data.y[rows] if labelled else None, cat_features=data.categories)

    settings = {"loss_function": "Logloss", "random_seed": seed, "thread_count": 2, "verbose": False,
                "allow_writing_files": False, "has_time": True}
    model = catboost.CatBoostClassifier(iterations=ROUNDS_MAX, early_stopping_rounds=PATIENCE, **settings)
    model.fit(pool(train), eval_set=pool(valid))
    if again:
        rounds, rate = model.tree_count_, model.learning_rate_
        model = catboost.CatBoostClassifier(iterations=rounds, learning_rate=rate, **settings)
        model.fit(pool(data.before_test()))
    return model.predict_proba(pool(test, False))[:, 1]


def sklearn_hgb(data, seed, again):
    train, valid, test = data.rows["train"], data.rows["valid"], data.rows["test"]
    x, later = data.rates(train, train), data.rates(train, valid)
    best = (np.inf, None, None)
    for leaves in (7, 15, 31):
        for rounds in (50, 100, 200):
            settings = {"learning_rate": 0.05, "max_iter": rounds, "max_leaf_nodes": leaves, "l2_regularization": 1.0,
                        "early_stopping": False, "random_state": seed}
            model = HistGradientBoostingClassifier(**settings).fit(x, data.y[train])
            loss = log_loss(data.y[valid], model.predict_proba(later)[:, 1])
            if loss < best[0]:
                best = (loss, model, settings)
    _, model, settings = best
    rows = train
    if again:
        rows = data.before_test()
        model = HistGradientBoostingClassifier(**settings).fit(data.rates(rows, rows), data.y[rows])
    return model.predict_proba(data.rates(rows, test))[:, 1]


def sklearn_logistic(data, seed, again):
    rows, test = data.before_test() if again else data.rows["train"], data.rows["test"]
    x, later = data.rates(rows, rows), data.rates(rows, test)
    mean, deviation = np.nanmean(x, axis=0), np.nanstd(x, axis=0) + 1e-12
    x, later = (np.nan_to_num((m - mean) / deviation) for m in (x, later))
    return LogisticRegression(C=0.01, max_iter=500).fit(x, data.y[rows]).predict_proba(later)[:, 1]


PEERS = {"LightGBM, defaults": lightgbm_defaults, "LightGBM, tuned": lightgbm_tuned, "XGBoost, tuned": xgboost_tuned,
         "CatBoost, early stopping": catboost_early, "scikit-learn HGB": sklearn_hgb, "scikit-learn logistic": sklearn_logistic}


def ours(descriptor, path, seed):
    """Log loss, ROC-AUC and ECE that the shipped pipeline reports."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as options:
        options.write(f"seed = {seed}\n")
        options.flush()
        command = ["cargo", "run", "--release", "--locked", "--quiet", "-p", "holdfast-training", "--example", "risk", "--",
                   str(Path(descriptor).resolve()), str(Path(path).resolve()), options.name]
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    numbers = re.search(r"^model +([\d.]+) +([\d.]+) +[\d.]+ +[\d.]+ +([\d.]+)$", said, re.MULTILINE)
    return [float(number) for number in numbers.groups()]


def line(name, measures, seconds):
    loss, auc, error = np.mean(measures, axis=0)
    print(f"{name:<34} {loss:>8.4f} {auc:>8.4f} {error:>8.4f} {seconds:>8.1f}", flush=True)


def main(arguments):
    if not arguments or len(arguments) % 2:
        sys.exit(__doc__)
    for descriptor, path in zip(arguments[::2], arguments[1::2]):
        data = Data(descriptor, path)
        test = data.y[data.rows["test"]]
        print(f"\n{data.name}: {len(test)} test rows, {test.mean():.3f} bad")
        print(f"{'':<34} {'log loss':>8} {'roc auc':>8} {'ece':>8} {'seconds':>8}")
        ours(descriptor, path, 0)  # builds
        began = time.monotonic()
        measures = [ours(descriptor, path, 10 * seed) for seed in SEEDS]
        line("ours", measures, (time.monotonic() - began) / len(SEEDS))
        for name, peer in PEERS.items():
            for again in (False, True):
                began, measures = time.monotonic(), []
                for seed in SEEDS:
                    p = np.clip(peer(data, seed, again), 1e-9, 1 - 1e-9)
                    measures.append([log_loss(test, p), roc_auc_score(test, p), ece(p, test)])
                line(name + (", again" if again else ""), measures, (time.monotonic() - began) / len(SEEDS))


if __name__ == "__main__":
    main(sys.argv[1:])
