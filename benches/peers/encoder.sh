#!/usr/bin/env bash
# The encoder and its peers, one after the other in one run, on one thread: texts per second from text to vector.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv="${HOLDFAST_PEERS_VENV:-target/peers-encoder}"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q -r benches/peers/encoder-requirements.txt
fi
"$venv/bin/python" -W ignore benches/peers/encoder.py
export RAYON_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
cargo test --release --locked --test it -- --ignored --nocapture --test-threads 1 speed_of_every_path
