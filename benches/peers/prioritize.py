"""POST /v1/prioritize beside the same scoring in Python with LightGBM.

A running service with models is asked over HTTP to rank its hundred first exceptions, again and again. The peer gets the
facts and features of the same exceptions as JSON text and does what ranking is: read them, lay out a row for each
exception and action, predict the probability of a miss and the residual cost with an ensemble of boosters, add quote and
penalty, order actions and exceptions, and write JSON. It has no HTTP, no database, no guards, no reasons, no nearest cases
and no record, all of which the service does in its time. The peer's boosters are fitted on noise of the same shape: trees
of the same size take the same time, whatever they learned.

The peer scores every candidate by its boosters. The service does so in the categories whose effects it has learned and
believes its catalogue in the others, so the share that it scored by its effect model is printed; where that is none, the
comparison is of everything but the effect model.

    prioritize.py --url http://127.0.0.1:8080 --token TOKEN [--requests 40]

Prints a table; ends with 1 when the service ranks fewer than ten times the exceptions a second.
"""

import argparse
import json
import sys
import time
import urllib.request

import lightgbm
import numpy

EXCEPTIONS = 100
MEMBERS = 4
ROUNDS = 150
ROWS = 2000
TIMES = 10.0


def call(url, token, body=None):
    data = None if body is None else json.dumps(body).encode()
    head = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, head)) as answer:
        return answer.read()


def timed(requests, work):
    work()
    times = []
    for _ in range(requests):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return numpy.array(times)


def number(value):
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        return float(value)
    return numpy.nan if value is None else float(sum(value.encode()) % 97)


class Peer:
    """An ensemble of LightGBM boosters for the miss, the residual on time and the residual when missed."""

    def __init__(self, width):
        random = numpy.random.default_rng(0)
        rows = random.normal(size=(ROWS, width))
        miss = (rows[:, 0] + random.normal(size=ROWS) > 0.5).astype(float)
        cost = numpy.exp(rows[:, 1] * 0.5 + random.normal(size=ROWS))
        shape = {"num_leaves": 15, "learning_rate": 0.05, "verbosity": -1}

        def fit(objective, label, seed):
            data = lightgbm.Dataset(rows, label)
            return lightgbm.train({**shape, "objective": objective, "seed": seed}, data, ROUNDS)

        self.miss = [fit("binary", miss, seed) for seed in range(MEMBERS)]
        self.costs = [
            [fit(objective, cost, seed) for objective in ("regression", "tweedie")] for seed in range(MEMBERS)
        ]

    def prioritize(self, text):
        cases = json.loads(text)
        rows = numpy.array([case["row"] + action["row"] for case in cases for action in case["actions"]])
        quote = numpy.array([action["quote"] for case in cases for action in case["actions"]])
        penalty = numpy.array([case["penalty"] for case in cases for _ in case["actions"]])
        totals = []
        for miss, costs in zip(self.miss, self.costs):
            residual = sum(booster.predict(rows) for booster in costs) / len(costs)
            totals.append(quote + miss.predict(rows) * penalty + residual)
        mean, spread = numpy.mean(totals, axis=0), numpy.std(totals, axis=0)
        answer, start = [], 0
        for case in cases:
            span = slice(start, start + len(case["actions"]))
            start = span.stop
            order = numpy.argsort(mean[span] + 0.5 * spread[span])
            idle = case["idle"]
            value = max(float(mean[span][idle] - mean[span][order[0]]), 0.0)
            minutes = max(case["actions"][order[0]]["minutes"], 1.0)
            ranked = [
                {"action": case["actions"][i]["kind"], "cost": float(mean[span][i]), "sd": float(spread[span][i])}
                for i in order
            ]
            answer.append({"id": case["id"], "value": value, "priority": value / minutes, "actions": ranked})
        answer.sort(key=lambda case: -case["priority"])
        return json.dumps(answer)


def peer_input(decision):
    """The exceptions of a recorded decision as the peer takes them in."""
    features = {item["case_id"]: item["features"].get("row", []) for item in decision["input"]}
    kinds = sorted({action["action"] for case in decision["output"] for action in case["actions"]})
    cases = []
    for case in decision["output"]:
        open_actions = [action for action in case["actions"] if action["score"] is not None]
        actions = [
            {
                "kind": action["action"],
                "quote": action["score"]["quote"],
                "minutes": 8.0,
                "row": [float(action["action"] == kind) for kind in kinds],
            }
            for action in open_actions
        ]
        idle = next(i for i, action in enumerate(actions) if action["kind"] == "do_nothing")
        penalty = open_actions[0]["score"]["penalty"]
        row = [number(value) for value in features[case["case_id"]]]
        cases.append({"id": case["case_id"], "row": row, "penalty": penalty, "idle": idle, "actions": actions})
    return cases


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--requests", type=int, default=40)
    args = parser.parse_args()

    listed = json.loads(call(f"{args.url}/v1/exceptions?limit={EXCEPTIONS}", args.token))
    ids = [case["id"] for case in listed["items"]]
    answer = json.loads(call(f"{args.url}/v1/prioritize", args.token, {"ids": ids}))
    decision = json.loads(call(f"{args.url}/v1/decisions/{answer['decision_id']}", args.token))
    cases = peer_input(decision)
    candidates = sum(len(case["actions"]) for case in cases)
    versions = {name: answer["versions"].get(name) for name in ("risk", "effect")}
    print(f"{len(ids)} exceptions with {candidates / len(ids):.1f} open candidates each; versions {versions}")
    learned = sum(
        action["score"] is not None and action["score"]["basis"] == "learned"
        for case in decision["output"]
        for action in case["actions"]
    )
    withheld = sum(bool(case["withheld"]) for case in decision["output"])
    print(f"{learned} of {candidates} candidates on record as learned; {withheld} recommendations withheld")

    peer, text = Peer(len(cases[0]["row"]) + len(cases[0]["actions"][0]["row"])), json.dumps(cases)
    ours = timed(args.requests, lambda: call(f"{args.url}/v1/prioritize", args.token, {"ids": ids}))
    theirs = timed(args.requests, lambda: peer.prioritize(text))
    print("| what | p50 ms | p95 ms | exceptions a second |\n|---|---|---|---|")
    speed = []
    for name, times in (("POST /v1/prioritize", ours), (f"LightGBM {lightgbm.__version__} in Python", theirs)):
        p50, p95 = numpy.quantile(times, [0.5, 0.95])
        speed.append(len(ids) / p50)
        print(f"| {name} | {p50 * 1e3:.1f} | {p95 * 1e3:.1f} | {speed[-1]:.0f} |")
    ratio = speed[0] / speed[1]
    print(f"{'PASS' if ratio >= TIMES else 'FAIL'}: {ratio:.1f} times the peer's throughput, at least {TIMES:.0f} wanted")
    sys.exit(0 if ratio >= TIMES else 1)


if __name__ == "__main__":
    main()
