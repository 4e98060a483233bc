#!/usr/bin/env bash
# Calls every operation of the served OpenAPI document with generated input, fit and unfit, against a demonstration of its
# own: no answer may be a server error or differ from the document. Needs Python 3; takes about ten minutes.
#
#     bash tests/schemathesis.sh [further arguments of `schemathesis run`]
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url="http://127.0.0.1:$port"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet "schemathesis==4.32.5"
cargo build --release --locked
target/release/holdfast demo --dir "$work/demo" --days 14 --orders-per-day 20 --bind "127.0.0.1:$port" >"$work/demo.log" 2>&1 &
trap 'kill %1 2>/dev/null; wait; rm -rf "$work"' EXIT
until curl -sf -o "$work/openapi.json" "$url/openapi.json"; do
    kill -0 %1 || { cat "$work/demo.log" >&2; exit 1; }
    sleep 1
done

token=$(HOLDFAST_DATA_DIR="$work/demo" target/release/holdfast token --subject tester --roles admin --hours 8)
cd "$work"
"$work/venv/bin/schemathesis" run "$url/openapi.json" --header "Authorization: Bearer $token" \
    --checks not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance,response_headers_conformance \
    --max-examples 25 --workers 1 --seed 1 --request-timeout 60 "$@"
