#!/usr/bin/env bash
# Compares the learning library with its peers: makes a virtual environment once, builds ours, runs, prints tables with
# PASS and FAIL, and ends with 1 when a bar is missed.
#
#   benches/peers/run.sh FOLDER                        all three, on FOLDER/{dataco,scms}.csv.gz
#   benches/peers/run.sh tabular DESCRIPTOR DATA ...   losses and ranking on described files
#   benches/peers/run.sh parity CSV ...                exported trees in LightGBM
#   benches/peers/run.sh speed CSV ...                 time and memory beside LightGBM
#   benches/peers/run.sh ftrl DESCRIPTOR DATA          a study: why FTRL does well under drift
#
# PEERS_VENV says where the environment lies (default: target/peers-venv).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=${PEERS_VENV:-$root/target/peers-venv}
# Threads that wait do not spin: other work may want the core.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
fi

run() {
    local name=$1
    shift
    "$venv/bin/python" "$here/$name.py" "$@"
}

case "${1:?say what to compare, see the head of this file}" in
tabular) run tabular "${@:2}" ;;
parity) run boost_parity "${@:2}" ;;
speed) run boost_speed "${@:2}" ;;
ftrl) run ftrl "${@:2}" ;;
*)
    files=("$1/dataco.csv.gz" "$1/scms.csv.gz")
    failed=0
    run tabular "$root/datasets/public/dataco.toml" "${files[0]}" "$root/datasets/public/scms.toml" "${files[1]}" || failed=1
    run boost_parity "${files[@]}" || failed=1
    run boost_speed "${files[@]}" || failed=1
    exit "$failed"
    ;;
esac
