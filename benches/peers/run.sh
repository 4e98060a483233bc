#!/usr/bin/env bash
# Compares the learning library with its peers: makes a virtual environment once, builds ours, runs, prints tables with
# PASS and FAIL, and ends with 1 when a bar is missed.
#
#   benches/peers/run.sh FOLDER                        all three, on FOLDER/{dataco,scms}.csv.gz
#   benches/peers/run.sh tabular DESCRIPTOR DATA ...   losses and ranking on described files
#   benches/peers/run.sh parity CSV ...                exported trees in LightGBM
#   benches/peers/run.sh speed CSV ...                 time and memory beside LightGBM
#   benches/peers/run.sh ftrl DESCRIPTOR DATA          a study: why FTRL does well under drift
#   benches/peers/run.sh prioritize [--requests N]     POST /v1/prioritize of a demonstration beside LightGBM in Python
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

# Prepares a demonstration (once, under target/), serves it with its models, and compares.
prioritize() {
    local holdfast=$root/target/release/holdfast dir=$root/target/bench-demo bind=127.0.0.1:18099 failed=0
    cargo build --release --locked --manifest-path "$root/Cargo.toml"
    # Half a year, so that effects can be learned in some categories.
    [ -d "$dir" ] || "$holdfast" demo --dir "$dir" --days 182 --no-serve
    HOLDFAST_DATA_DIR=$dir HOLDFAST_SERVER__BIND=$bind "$holdfast" serve >"$dir/serve.log" 2>&1 &
    server=$!
    trap 'kill $server 2>/dev/null || true' EXIT
    until curl -sf "http://$bind/readyz" >/dev/null; do
        kill -0 "$server"
        sleep 0.5
    done
    local token
    token=$(HOLDFAST_DATA_DIR=$dir "$holdfast" token --subject bench --kind service --scopes exceptions:read,prioritize:run)
    run prioritize --url "http://$bind" --token "$token" "$@" || failed=1
    return "$failed"
}

case "${1:?say what to compare, see the head of this file}" in
tabular) run tabular "${@:2}" ;;
parity) run boost_parity "${@:2}" ;;
speed) run boost_speed "${@:2}" ;;
ftrl) run ftrl "${@:2}" ;;
prioritize) prioritize "${@:2}" ;;
*)
    files=("$1/dataco.csv.gz" "$1/scms.csv.gz")
    failed=0
    run tabular "$root/datasets/public/dataco.toml" "${files[0]}" "$root/datasets/public/scms.toml" "${files[1]}" || failed=1
    run boost_parity "${files[@]}" || failed=1
    run boost_speed "${files[@]}" || failed=1
    exit "$failed"
    ;;
esac
