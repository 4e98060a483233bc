#!/usr/bin/env bash
# A user's own model beside llama.cpp on the same file, in turns, on one processor: tokens read and written a second.
# llama.cpp comes as a built binary with the npm package `node-llama-cpp`; models have random weights in Q8_0.
# Needs Python 3.11 with venv, and Node 20. Ends with 1 when a ratio of written tokens is below 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=target/peers-writer
if [ ! -d "$dir/node_modules" ] || [ ! -x "$dir/venv/bin/python" ]; then
    python3 -m venv "$dir/venv"
    "$dir/venv/bin/pip" install -q gguf==0.19.0 numpy==2.4.6
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$dir" node-llama-cpp@3.22.1
fi
cp benches/peers/writer.mjs "$dir/"
cargo bench --locked --bench writer --no-run
export RAYON_NUM_THREADS=1
failed=0
compare() {
    local name=$1
    shift
    if [ ! -d "$dir/$name" ]; then
        rm -rf "$dir/new"
        "$dir/venv/bin/python" benches/peers/writer.py "$dir/new" "$@"
        mv "$dir/new" "$dir/$name"
    fi
    local ours=() theirs=()
    for _ in 1 2 3; do
        ours+=("$(taskset -c 0 cargo bench --quiet --locked --bench writer -- --model "$PWD/$dir/$name" --prompt 128 --tokens 64 --rounds 3 | tail -1)")
        theirs+=("$(taskset -c 0 node "$dir/writer.mjs" "$PWD/$dir/$name/model.gguf" 128 64 3 | tail -1)")
    done
    python3 - "$name" "${ours[@]}" "${theirs[@]}" <<'PY' || failed=1
import json, statistics, sys
name, *said = sys.argv[1:]
said = [json.loads(line) for line in said]
half = len(said) // 2
ours, theirs = ({key: statistics.median(one[key] for one in part) for key in said[0]} for part in (said[:half], said[half:]))
ratio = {key: ours[key] / theirs[key] for key in ours}
verdict = "PASS" if ratio["written_per_s"] >= 1 else "FAIL"
print(f"| {name} | {ours['read_per_s']:.0f} | {theirs['read_per_s']:.0f} | {ratio['read_per_s']:.2f} | "
      f"{ours['written_per_s']:.1f} | {theirs['written_per_s']:.1f} | {ratio['written_per_s']:.2f} | {verdict} |")
sys.exit(0 if verdict == "PASS" else 1)
PY
}
echo "| qwen3, Q8_0 | read, ours | llama.cpp | ratio | written, ours | llama.cpp | ratio | at least 1 |"
echo "|---|---|---|---|---|---|---|---|"
compare qwen3-27M --hidden 512 --layers 6 --inner 1536 --heads 4 --kept 2 --words 8192
compare qwen3-470M --hidden 1024 --layers 28 --inner 3072 --heads 16 --kept 8 --words 16384
exit "$failed"
