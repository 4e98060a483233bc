"""Time and memory of our boosted trees beside LightGBM's, in one run, and the ratios.

    benches/peers/run.sh speed [--repeats 7] [--rows 200000] [--json] FILE.csv.gz ...

Both train the same trees, leaves and bins on the same files, in processes of their own that take turns, so that other
load falls on both; the median of the ratios of neighbouring runs counts. LightGBM runs with its histograms by column and
by row, and the faster counts. Scoring is measured on the same trees: ours, exported. Needs a C compiler. The load of the
machine is printed, for other work on it disturbs both. Ends with 1 when a bar of BARS is missed.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile

from boost_data import build, call, generate, read_csv

TREES, LEAVES, BINS = 100, 31, 255
# Part of the result, ratio in it, sign, bar, in words.
BARS = [
    ("train_2", "seconds_ratio", "<=", 1.3, "training seconds over LightGBM's, two threads (the floor)"),
    ("memory_2", "peak_ratio", "<=", 1.0, "peak memory over LightGBM's"),
    ("score_1", "row_times_as_fast", ">=", 1.5, "one row, times as fast"),
    ("score_1", "batch_times_as_fast", ">=", 1.2, "batch on one thread, times as fast"),
    ("score_2", "batch_times_as_fast", ">=", 1.2, "batch on two threads, times as fast"),
]
MOONSHOT = ("train_2", "seconds_ratio", "<=", 1.0, "training seconds over LightGBM's, two threads (the moonshot)")


def parameters(data, threads, layout):
    settings = {
        "objective": "binary", "num_leaves": LEAVES, "max_bin": BINS, "num_threads": threads, "verbosity": -1,
        layout: "true",
    }
    if data.categorical:
        settings["categorical_feature"] = data.indices
    return " ".join(f"{name}={value}" for name, value in settings.items())


def middle(ratios):
    """Median and spread."""
    return {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)}


def train(ours, theirs, data, threads, repeats, warm=1):
    """Seconds and peak memory of ours over LightGBM's."""
    runs = []
    for _ in range(repeats):
        mine = call(ours, do="train", **data.arguments, categorical=data.indices, trees=TREES, leaves=LEAVES,
                    bins=BINS, threads=threads, warm=warm)
        peers = [call(theirs, do="train", **data.arguments, parameters=parameters(data, threads, layout),
                      iterations=TREES, warm=warm) for layout in ("force_col_wise", "force_row_wise")]
        peer = min(peers, key=lambda peer: peer["seconds"])
        runs.append((mine, peer, min(peer["peak_kb"] for peer in peers)))
    return {
        "seconds_ours": statistics.median(mine["seconds"] for mine, _, _ in runs),
        "seconds_lightgbm": statistics.median(peer["seconds"] for _, peer, _ in runs),
        "seconds_ratio": middle([mine["seconds"] / peer["seconds"] for mine, peer, _ in runs]),
        "peak_mb_ours": statistics.median(mine["peak_kb"] for mine, _, _ in runs) / 1024,
        "peak_mb_lightgbm": statistics.median(kb for _, _, kb in runs) / 1024,
        "peak_ratio": middle([mine["peak_kb"] / max(kb, 1) for mine, _, kb in runs]),
    }


def score(ours, theirs, data, folder, threads, repeats):
    """One row and batch: how many times as fast ours is, on the same trees."""
    model, text = f"{folder}/model.hfbt", f"{folder}/model.txt"
    call(ours, do="train", **data.arguments, categorical=data.indices, trees=TREES, leaves=LEAVES, bins=BINS,
         threads=threads, model=model, text=text)
    runs = []
    for _ in range(repeats):
        mine = call(ours, do="score", **data.arguments, model=model, threads=threads, repeats=3)
        peer = call(theirs, do="score", **data.arguments, model=text, threads=threads, repeats=3)
        assert abs(mine["sum"] - peer["sum"]) < 1e-6 * max(1, abs(peer["sum"])), (mine, peer)
        runs.append((mine, peer))
    return {
        "row_ns_ours": statistics.median(mine["row_ns"] for mine, _ in runs),
        "row_ns_lightgbm": statistics.median(peer["row_ns"] for _, peer in runs),
        "row_times_as_fast": middle([peer["row_ns"] / mine["row_ns"] for mine, peer in runs]),
        "batch_rows_per_second_ours": statistics.median(mine["rows_per_second"] for mine, _ in runs),
        "batch_rows_per_second_lightgbm": statistics.median(peer["rows_per_second"] for _, peer in runs),
        "batch_times_as_fast": middle([mine["rows_per_second"] / peer["rows_per_second"] for mine, peer in runs]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the generated set; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = build(folder)
        sets = [read_csv(path, f"{folder}/{index}") for index, path in enumerate(options.files)]
        if options.rows:
            sets.append(generate(f"{folder}/generated", options.rows))
        result = {}
        for data in sets:
            found = {f"train_{threads}": train(ours, theirs, data, threads, options.repeats) for threads in (1, 2)}
            # Memory is taken in fresh processes.
            found["memory_2"] = train(ours, theirs, data, 2, 1, warm=0)
            found |= {f"score_{threads}": score(ours, theirs, data, folder, threads, options.repeats)
                      for threads in (1, 2)}
            result[data.name] = {"rows": len(data.targets), "columns": data.records.shape[1], **found}
            if not options.json:
                report(data, found)
            kept &= judge(found, options.json)
    if options.json:
        print(json.dumps(result, indent=2))
    sys.exit(0 if kept else 1)


def judge(found, quiet):
    """Prints each bar and says whether all but the moonshot were kept."""
    kept = True
    for bar in [*BARS, MOONSHOT]:
        part, name, sign, limit, words = bar
        ratio = found[part][name]["median"]
        good = ratio <= limit if sign == "<=" else ratio >= limit
        kept &= good or bar is MOONSHOT
        if not quiet:
            print(f"  {'PASS' if good else 'FAIL'}  {words}: {ratio:.2f} {sign} {limit}", flush=True)
    return kept


def report(data, found):
    shape = f"{data.records.shape[0]} rows, {data.records.shape[1]} columns, {len(data.categorical)} categorical"
    print(f"{data.name}: {shape}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for threads in (1, 2):
        one = found[f"train_{threads}"]
        print(f"  train, {threads} thread(s): {one['seconds_ours']:.3f} s, LightGBM {one['seconds_lightgbm']:.3f} s, "
              f"ratio {one['seconds_ratio']['median']:.2f} "
              f"({one['seconds_ratio']['least']:.2f} to {one['seconds_ratio']['greatest']:.2f})")
    one = found["memory_2"]
    print(f"  peak memory of training: {one['peak_mb_ours']:.1f} MB, LightGBM {one['peak_mb_lightgbm']:.1f} MB, "
          f"ratio {one['peak_ratio']['median']:.2f}")
    for threads in (1, 2):
        one = found[f"score_{threads}"]
        if threads == 1:
            print(f"  one row: {one['row_ns_ours']:.0f} ns, LightGBM {one['row_ns_lightgbm']:.0f} ns, "
                  f"{one['row_times_as_fast']['median']:.2f} times as fast")
        print(f"  batch, {threads} thread(s): {one['batch_rows_per_second_ours']:.0f} rows/s, "
              f"LightGBM {one['batch_rows_per_second_lightgbm']:.0f} rows/s, "
              f"{one['batch_times_as_fast']['median']:.2f} times as fast")


if __name__ == "__main__":
    main()
