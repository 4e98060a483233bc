#!/usr/bin/env bash
# Runs every test. Installs PostgreSQL's server binaries where they are missing (tests start a private cluster on
# loopback); where that is not possible, the tests that need them are reported as ignored, never as passed.
set -euo pipefail
cd "$(dirname "$0")/.."

has_postgres() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

if ! has_postgres && command -v apt-get >/dev/null 2>&1; then
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null ||
        echo "PostgreSQL could not be installed; its tests stay ignored" >&2
fi

cargo test --workspace --locked

if has_postgres; then
    cargo test --locked --test it -- --ignored on_postgres
elif [ "${CI:-}" = true ]; then
    echo "in CI no test may be skipped: PostgreSQL's server binaries are missing" >&2
    exit 1
fi

# The vector port's contract against a Qdrant server, where one is named.
if [ -n "${HOLDFAST_QDRANT_URL:-}" ]; then
    cargo test --locked --test it -- --ignored qdrant
fi

# Tests on sample data that is not part of the repository.
if [ -d "${HOLDFAST_SHARED:-../shared}/data" ]; then
    cargo test --locked --test it -- --ignored language::samples --nocapture
fi
