"""Late shipments: ours beside LightGBM, XGBoost, CatBoost and scikit-learn, on the same rows, in one run, with the bars.

    benches/peers/run.sh tabular <descriptor.toml> <data.csv.gz> [...more pairs] [--seeds 5] [--quick]

The crate reads the file under its descriptor and hands the table over as CSV (`examples/risk --table`), so every peer has the
rows, labels, missing values and splits that ours has, whatever the descriptor says. Every peer chooses its settings (a small grid,
early stopping) on the validation rows and is fitted on the training rows; ours chooses on forward folds and is fitted again on all rows
before the test, as it ships. Because a peer could do the same, `again` rows show each peer fitted again on training and
validation rows with what it chose (`--quick` leaves them out). Measured once on the test rows; means over seeds, of ours ten
apart, since it fits three times from each; peers without chance run once. One function measures all of them. Seconds are of one seed,
of the whole procedure.

Ends with 1 when a bar is missed: log loss at most 0.5 % above and ROC-AUC at most 0.002 below the best of the four boosting systems,
expected calibration error at most the least of theirs, and the bars of BARS.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from boost_data import example

SMOOTHING = 20.0
ROUNDS_MAX, PATIENCE = 2000, 50
ECE_BINS = 15
LOSS_TOLERANCE, AUC_TOLERANCE = 0.005, 0.002
# By name of the data set: a measure, the most that it may be, and whose it is.
BARS = {"dataco": [("ece", 0.03, "the issue's")], "scms": [("log loss", 0.2967, "linfa FTRL's")]}


def ece(probability, label):
    """Over bins of equal mass by rising probability, as `metrics::ece`; equal probabilities share a bin."""
    order = np.argsort(probability, kind="stable")
    p, y = probability[order], label[order]
    ends = np.flatnonzero(np.append(p[1:] != p[:-1], True)) + 1
    total, start, bins = 0.0, 0, 0
    for end in ends:
        if end * ECE_BINS >= (bins + 1) * len(p) or end == len(p):
            total += abs(p[start:end].sum() - y[start:end].sum())
            start, bins = end, bins + 1
    return total / len(p)


def measure(probability, label):
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return [log_loss(label, p), roc_auc_score(label, p), ece(p, label)]


class Data:
    """The table: numbers, categories as codes, and as-of rates of categories for encoders that want them."""

    def __init__(self, descriptor, path, folder):
        self.name = Path(descriptor).stem
        self.descriptor, self.path, self.folder = (str(Path(p).resolve()) for p in (descriptor, path, folder))
        table = Path(folder) / "table.csv"
        said(example("risk"), self.descriptor, self.path, f"--table={table}")
        frame = pd.read_csv(table, dtype=str, keep_default_na=False, na_values=[""])
        numeric = [column for column in frame if column.startswith("n:")]
        self.categories = [column for column in frame if column.startswith("c:")]
        self.y = frame["label"].astype(int).to_numpy()
        self.times = frame["time"].astype("int64").to_numpy()
        self.rows = {}
        for part in ("train", "valid", "test"):
            rows = np.flatnonzero(frame["split"] == part)
            self.rows[part] = rows[np.argsort(self.times[rows], kind="stable")]
        # A column that is the same or missing in every training row tells nobody anything, and stops scikit-learn.
        numbers = frame[numeric].astype(float)
        numeric = [column for column in numeric if numbers[column].iloc[self.rows["train"]].nunique() > 1]
        self.numbers = numbers[numeric].to_numpy().reshape(len(frame), len(numeric))
        self.texts = frame[self.categories].fillna("")
        codes = [pd.Categorical(self.texts[column]).codes.astype(float) for column in self.categories]
        self.codes = np.column_stack(codes) if codes else np.empty((len(frame), 0))
        self.kept = {}

    def before_test(self):
        return np.concatenate([self.rows["train"], self.rows["valid"]])

    def native(self, rows):
        return np.column_stack([self.numbers[rows], self.codes[rows]])

    def rates(self, fitted_on, rows):
        """Numbers beside smoothed target rates: as of each row's place for the rows fitted on, of all of them for others."""
        key = (len(fitted_on), len(rows), rows[0])
        if key not in self.kept:
            self.kept[key] = self.count(fitted_on, rows)
        return self.kept[key]

    def count(self, fitted_on, rows):
        prior, columns = self.y[fitted_on].mean(), [self.numbers[rows]]
        labels = self.y[fitted_on].tolist()
        for category in self.categories:
            keys, counts, seen = self.texts[category].to_numpy(), {}, {}
            for row, label in zip(fitted_on.tolist(), labels):
                bad, all_ = seen[row] = counts.get(keys[row], (0.0, 0.0))
                counts[keys[row]] = (bad + label, all_ + 1.0)
            known = [seen.get(row) or counts.get(keys[row], (0.0, 0.0)) for row in rows.tolist()]
            bad, all_ = np.array(known).T
            columns.append((bad + SMOOTHING * prior) / (all_ + SMOOTHING))
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
        numbers = pd.DataFrame(data.numbers[rows]).add_prefix("n")
        frame = pd.concat([numbers, data.texts.iloc[rows].reset_index(drop=True)], axis=1)
        return catboost.Pool(frame, data.y[rows] if labelled else None, cat_features=data.categories)

    settings = {"loss_function": "Logloss", "random_seed": seed, "thread_count": 2, "verbose": False,
                "allow_writing_files": False, "has_time": True}
    model = catboost.CatBoostClassifier(iterations=ROUNDS_MAX, early_stopping_rounds=PATIENCE, **settings)
    model.fit(pool(train), eval_set=pool(valid))
    if again:
        rounds, rate = max(model.tree_count_, 1), model.learning_rate_
        model = catboost.CatBoostClassifier(iterations=rounds, learning_rate=rate, **settings)
        model.fit(pool(data.before_test()))
    return model.predict_proba(pool(test, False))[:, 1]


def sklearn_hgb(data, seed, again):
    train, valid, test = data.rows["train"], data.rows["valid"], data.rows["test"]
    x, later = data.rates(train, train), data.rates(train, valid)
    best = (np.inf, None, None)
    for leaves in (7, 15, 31):
        settings = {"learning_rate": 0.05, "max_iter": 200, "max_leaf_nodes": leaves, "l2_regularization": 1.0,
                    "early_stopping": False, "random_state": seed}
        model = HistGradientBoostingClassifier(**settings).fit(x, data.y[train])
        losses = [log_loss(data.y[valid], p[:, 1]) for p in model.staged_predict_proba(later)]
        for rounds in (50, 100, 200):
            if losses[rounds - 1] < best[0]:
                best = (losses[rounds - 1], model, settings | {"max_iter": rounds})
    _, model, settings = best
    rows = data.before_test() if again else train
    model = HistGradientBoostingClassifier(**settings).fit(data.rates(rows, rows), data.y[rows])
    return model.predict_proba(data.rates(rows, test))[:, 1]


def sklearn_logistic(data, seed, again):
    rows, test = data.before_test() if again else data.rows["train"], data.rows["test"]
    x, later = data.rates(rows, rows), data.rates(rows, test)
    mean, deviation = np.nan_to_num(np.nanmean(x, axis=0)), np.nanstd(x, axis=0) + 1e-12
    x, later = (np.nan_to_num((m - mean) / deviation) for m in (x, later))
    return LogisticRegression(C=0.01, max_iter=500).fit(x, data.y[rows]).predict_proba(later)[:, 1]


# Whether there is chance in it, and whether it is one of those that set the bars.
PEERS = {
    "LightGBM, defaults": (lightgbm_defaults, False, True),
    "LightGBM, tuned": (lightgbm_tuned, True, True),
    "XGBoost, tuned": (xgboost_tuned, True, True),
    "CatBoost, early stopping": (catboost_early, True, True),
    "scikit-learn HGB": (sklearn_hgb, False, True),
    "scikit-learn logistic": (sklearn_logistic, False, False),
}


def said(*command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    return done.stdout


def ours(data, seed):
    """What the shipped pipeline says of the test rows, in the order of `data.rows`."""
    scores = f"{data.folder}/scores.csv"
    said(example("risk"), data.descriptor, data.path, f"--seed={seed}", f"--scores={scores}")
    with open(scores) as file:
        probability = np.array([float(line["probability"]) for line in csv.DictReader(file)])
    return probability[data.rows["test"]]


def line(name, measures, seconds):
    means = np.mean(measures, axis=0)
    print(f"{name:<34} {means[0]:>8.4f} {means[1]:>8.4f} {means[2]:>8.4f} {seconds:>8.1f}", flush=True)
    return dict(zip(("log loss", "roc auc", "ece"), means))


def timed(seeds, test, predict):
    began = time.monotonic()
    measures = [measure(predict(seed), test) for seed in seeds]
    return measures, (time.monotonic() - began) / len(seeds)


def judge(name, mine, peers):
    """Prints each bar and says whether all were kept."""
    least = {what: min(peer[what] for peer in peers) for what in ("log loss", "ece")}
    auc = max(peer["roc auc"] for peer in peers)
    bars = [
        ("log loss", mine["log loss"], "<=", least["log loss"] * (1 + LOSS_TOLERANCE), "best of the peers + 0.5 %"),
        ("roc auc", mine["roc auc"], ">=", auc - AUC_TOLERANCE, "best of the peers - 0.002"),
        ("ece", mine["ece"], "<=", least["ece"], "best of the peers"),
    ]
    bars += [(what, mine[what], "<=", most, whose) for what, most, whose in BARS.get(name, [])]
    kept = True
    for what, found, sign, bar, whose in bars:
        good = found <= bar if sign == "<=" else found >= bar
        kept &= good
        print(f"  {'PASS' if good else 'FAIL'}  {what} {found:.4f} {sign} {bar:.4f} ({whose})", flush=True)
    return kept


def compare(descriptor, path, options):
    with tempfile.TemporaryDirectory() as folder:
        data, seeds = Data(descriptor, path, folder), range(options.seeds)
        test = data.y[data.rows["test"]]
        print(f"\n{data.name}: {len(data.before_test())} rows before the test, {len(test)} of it, {test.mean():.3f} bad")
        print(f"{'':<34} {'log loss':>8} {'roc auc':>8} {'ece':>8} {'seconds':>8}", flush=True)
        mine = line("ours", *timed(seeds, test, lambda seed: ours(data, 10 * seed)))
        once, again = [], []
        for name, (peer, chance, sets_bar) in PEERS.items():
            for refit in (False,) if options.quick else (False, True):
                try:
                    found = timed(seeds if chance else [0], test, lambda seed: peer(data, seed, refit))
                except Exception as error:  # Whatever a peer cannot do must not keep the others from being compared.
                    print(f"{name}: cannot be fitted, sets no bar ({error})", flush=True)
                    continue
                means = line(name + (", again" if refit else ""), *found)
                if sets_bar:
                    (again if refit else once).append(means)
        if not once:
            sys.exit("no peer could be fitted, so there is nothing to compare with")
        print("bars:")
        kept = judge(data.name, mine, once)
        if again:
            print("against peers fitted again (beyond what is asked, for information):")
            judge("", mine, again)
        return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="descriptor data")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave out the peers fitted again")
    options = parser.parse_args()
    if len(options.pairs) % 2:
        parser.error("give pairs of a descriptor and its data")
    kept = [compare(*pair, options) for pair in zip(options.pairs[::2], options.pairs[1::2])]
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
