#!/usr/bin/env bash
# Walks through Muster with software that others wrote: on SQLite and, where TEST_POSTGRES_URL is set, on
# PostgreSQL. Each walk has a server and a database of its own.
#
#   tests/sdk/run.sh                  all of them
#   tests/sdk/run.sh python node      these
#
#   scim      the public SCIM test suite scim2-tester. With MUSTER_SCIM_BASE_URL and MUSTER_SCIM_TOKEN set, it
#             tests that directory and nothing else
#   python    the SDKs of WorkOS and OpenAI in Python
#   node      the same in Node
#   openapi   schemathesis: does the server do what its OpenAPI document says?
#   browser   people use the console in Chromium: tests/browser
#
# The tools are what `scripts/test sdk` installs: PYTHON is an interpreter that has tests/sdk/requirements.txt,
# SDK_NODE a folder where tests/sdk/node was installed, BROWSER_NODE the same for tests/browser, CHROMIUM a browser;
# MUSTER is the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PYTHON=${PYTHON:-target/sdk-venv/bin/python}
SDK_NODE=${SDK_NODE:-target/sdk-node}
BROWSER_NODE=${BROWSER_NODE:-target/browser-node}
export PYTHONDONTWRITEBYTECODE=1
export MUSTER=${MUSTER:-target/debug/muster}
# Of the plugins that are installed, none is meant.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1

# A walk in Node: the one that was installed because the system's is too old, or the system's.
in_node() {
    local node
    node=$(compgen -G "$1/node_modules/node-linux-*/bin/node" || echo node)
    command=("$node" --test-reporter=spec "$1/walk.mjs")
}

# The command of a walk.
command_of() {
    case $1 in
    scim) command=("$PYTHON" tests/sdk/scim_tester.py) ;;
    python) command=("$PYTHON" -m pytest tests/sdk/python) ;;
    node) in_node "$SDK_NODE" ;;
    browser) in_node "$BROWSER_NODE" ;;
    openapi) command=("$PYTHON" tests/sdk/openapi.py) ;;
    *)
        echo "run.sh: there is no walk $1" >&2
        exit 2
        ;;
    esac
}

[ $# -gt 0 ] || set -- scim python node openapi browser

if [ -n "${MUSTER_SCIM_BASE_URL:-}" ]; then
    command_of scim
    exec "${command[@]}"
fi

[ -x "$MUSTER" ] || cargo build
# Modules are looked for beside the file that imports them, so the walk goes where its packages are.
[ ! -d "$SDK_NODE" ] || cp tests/sdk/node/*.mjs "$SDK_NODE/"
[ ! -d "$BROWSER_NODE" ] || cp tests/browser/*.mjs "$BROWSER_NODE/"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
psql=$(command -v psql || compgen -G '/usr/lib/postgresql/*/bin/psql' | sort -rV | head -n 1 || true)
on_postgres() { "$psql" --quiet --command="$1" "$TEST_POSTGRES_URL"; }

failed=()
# walk NAME DATABASE_URL: says how long it took, and goes on after a failure.
walk() {
    local began=$SECONDS
    command_of "$1"
    printf '\n--- %s on %s\n' "$1" "${2%%:*}"
    "$PYTHON" tests/sdk/muster_server.py "$2" "${command[@]}" || failed+=("$1 on ${2%%:*}")
    printf -- '--- %s on %s: %s s\n' "$1" "${2%%:*}" "$((SECONDS - began))"
}

for name; do walk "$name" "sqlite://$folder/$name.db"; done
if [ -n "${TEST_POSTGRES_URL:-}" ]; then
    for name; do
        # A database of its own, beside whatever else uses the server.
        database="sdk_${name}_$$"
        on_postgres "CREATE DATABASE $database"
        # What a document promises and how pages look does not depend on the database; only the statements do.
        EXAMPLES=${EXAMPLES:-8} LOOKS=${LOOKS:-brief} walk "$name" "${TEST_POSTGRES_URL%/*}/$database"
        on_postgres "DROP DATABASE $database WITH (FORCE)"
    done
fi

[ ${#failed[@]} -eq 0 ] || {
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
}
