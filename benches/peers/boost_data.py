"""Data and programs that the comparisons of boosted trees with LightGBM share.

A set is a folder with `records.f32` (row-major) and `targets.f32`, made from a CSV file (columns `late` and `split`,
training rows are those with `split` 0) or generated from a seed. `run.sh` makes the environment that they need.
"""

import csv
import functools
import gzip
import json
import os
import pathlib
import subprocess
from collections import Counter

import lightgbm
import numpy

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Set:
    """Records, targets, and where they are on disk."""

    def __init__(self, name, folder, records, targets, categorical):
        self.name, self.folder, self.categorical = name, pathlib.Path(folder), categorical
        self.records = numpy.ascontiguousarray(records, dtype=numpy.float32)
        self.targets = numpy.ascontiguousarray(targets, dtype=numpy.float32)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.records.tofile(self.folder / "records.f32")
        self.targets.tofile(self.folder / "targets.f32")

    @property
    def arguments(self):
        rows, columns = self.records.shape
        return {"data": self.folder, "rows": rows, "columns": columns}

    @property
    def indices(self):
        return ",".join(map(str, self.categorical))


# A code that no training row has.
UNSEEN = 77_777


def read_csv(path, folder, split="0"):
    """The rows of one split; text columns become codes by the training rows, the most frequent value 0."""
    path = pathlib.Path(path)
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        rows = list(csv.DictReader(file))
    wanted = [index for index, row in enumerate(rows) if row["split"] == split]
    names = [name for name in rows[0] if name not in ("late", "split")]
    columns, categorical = [], []
    for index, name in enumerate(names):
        texts = [row[name] for row in rows]
        try:
            values = [float(text) if text else numpy.nan for text in texts]
        except ValueError:
            counts = Counter(row[name] for row in rows if row["split"] == "0" and row[name])
            codes = {text: code for code, (text, _) in enumerate(counts.most_common())}
            values = [codes.get(text, UNSEEN) if text else numpy.nan for text in texts]
            categorical.append(index)
        columns.append([values[row] for row in wanted])
    targets = [float(rows[row]["late"]) for row in wanted]
    return Set(path.name.split(".")[0], folder, numpy.array(columns).T, targets, categorical)


def generate(folder, rows=200_000, seed=7, objective="binary"):
    """Twenty numbers (one often missing, four of few values) and eight categories; half of them say something."""
    random = numpy.random.default_rng(seed)
    numbers = random.normal(size=(rows, 20)).astype(numpy.float32)
    numbers[:, 4:8] = numpy.floor(numbers[:, 4:8] * 3)
    numbers[random.random(rows) < 0.2, 3] = numpy.nan
    sizes = [2, 3, 5, 12, 30, 80, 200, 900]
    categories = numpy.stack([random.geometric(min(0.5, 6 / size), rows) % size for size in sizes], axis=1)
    effects = [random.normal(size=size) for size in sizes]
    score = numbers[:, 0] - numbers[:, 1] * numbers[:, 2] + numpy.nan_to_num(numbers[:, 3], nan=1.5)
    score = score + 0.3 * numbers[:, 4] + sum(0.5 * effects[k][categories[:, k]] for k in (1, 3, 5, 7))
    targets = score + random.logistic(size=rows)
    if objective == "binary":
        targets = targets > 0
    elif objective == "tweedie":
        targets = numpy.maximum(targets, 0)
    return Set("generated", folder, numpy.hstack([numbers, categories]), targets, list(range(20, 28)))


@functools.cache
def cargo(kind, name):
    """The path of a bench or example of the learning library, built."""
    command = ["cargo", "build", "--release", "--locked", "-p", "holdfast-training", f"--{kind}", name, "--message-format=json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    made = [json.loads(line) for line in lines]
    return next(m["executable"] for m in made if m.get("executable") and m["target"]["name"] == name)


def example(name):
    return cargo("example", name)


def build(folder):
    """Our benchmark and LightGBM's counterpart, as paths."""
    ours = cargo("bench", "boost")
    library = pathlib.Path(lightgbm.__file__).parent / "lib"
    theirs = pathlib.Path(folder) / "lightgbm_peer"
    source = HERE / "lightgbm_peer.c"
    link = [f"-L{library}", "-l_lightgbm", f"-Wl,-rpath,{library}"]
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", theirs, source, *link], check=True)
    return ours, theirs


def call(program, **arguments):
    """Runs one of the two programs and reads its JSON."""
    command = [str(program), *(f"{name}={value}" for name, value in arguments.items())]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])
