#!/usr/bin/env bash
# Runs the public suite scim2-tester against Muster: on SQLite and, where TEST_POSTGRES_URL is set, on
# PostgreSQL. With MUSTER_SCIM_BASE_URL and MUSTER_SCIM_TOKEN set, against that directory and nothing else.
#
# PYTHON is an interpreter that has tests/sdk/requirements.txt installed; MUSTER is the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=${PYTHON:-target/sdk-venv/bin/python}
export PYTHONDONTWRITEBYTECODE=1
export MUSTER=${MUSTER:-target/debug/muster}

if [ -n "${MUSTER_SCIM_BASE_URL:-}" ]; then
    exec "$python" tests/sdk/scim_tester.py
fi

[ -x "$MUSTER" ] || cargo build

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '\n--- scim2-tester on SQLite\n'
"$python" tests/sdk/scim_tester.py "sqlite://$folder/muster.db"

if [ -n "${TEST_POSTGRES_URL:-}" ]; then
    printf '\n--- scim2-tester on PostgreSQL\n'
    psql=$(command -v psql || compgen -G '/usr/lib/postgresql/*/bin/psql' | sort -rV | head -n 1)
    # A database of its own, beside whatever else uses the server.
    name="scim_tester_$$"
    "$psql" --quiet --command="CREATE DATABASE $name" "$TEST_POSTGRES_URL"
    status=0
    "$python" tests/sdk/scim_tester.py "${TEST_POSTGRES_URL%/*}/$name" || status=$?
    "$psql" --quiet --command="DROP DATABASE $name WITH (FORCE)" "$TEST_POSTGRES_URL"
    exit "$status"
fi
