#!/usr/bin/env bash
# Builds the wheel, installs it as a user does (without development extras, outside of this folder) and runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/${VENV:-.venv}/bin/python
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

"$python" -m hatchling build --target wheel --directory "$work/wheel" >/dev/null 2>&1
"$python" -m venv "$work/venv"
# The versions of the lock file. Its hashes would be asked of the wheel, too.
sed -E '/^ *--hash/d; s/ *\\$//' requirements.lock >"$work/constraints.txt"
"$work/venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --constraint "$work/constraints.txt" \
    "$work"/wheel/*.whl
cp -r sample_data/xero "$work/source"
cd "$work"

importer() {
    env --ignore-environment PATH=/usr/bin:/bin HOME="$work" LANG=C.UTF-8 TMPDIR="${TMPDIR:-/tmp}" ${HEALTHCHECK:+"$HEALTHCHECK"} \
        "$work/venv/bin/importer" "$@"
}

# expect CODE WORD...: importer WORD... ends with this exit code, and without a traceback.
expect() {
    local wanted=$1 code=0
    shift
    importer "$@" >stdout 2>stderr || code=$?
    if [ "$code" -ne "$wanted" ] || grep -q Traceback stdout stderr; then
        echo "bare install: importer $* ended with exit code $code instead of $wanted" >&2
        cat stdout stderr >&2
        exit 1
    fi
    echo "bare install: importer $* ended with exit code $code, as it should"
}

# A health check that notes what is pinged.
cat >server.py <<'PYTHON'
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        with open("pings", "a") as pings:
            print(self.path, file=pings)
        self.send_response(204)
        self.end_headers()


server = HTTPServer(("127.0.0.1", 0), Handler)
with open("port", "w") as port:
    print(server.server_address[1], file=port)
server.serve_forever()
PYTHON
: >port
"$work/venv/bin/python" server.py 2>/dev/null &
server=$!
until [ -s port ]; do
    kill -0 "$server"
    sleep 0.1
done

# The sample holds planted mistakes, hence exit code 1.
job=(source -m xero --country US --out results)
expect 0 --help
expect 2 open --no-browser # says how to install the extra
expect 0 suggest source --country US -o drafted.yaml
expect 1 suggest source --country US --from-scratch  # reads the lexicon
expect 1 check "${job[@]}"
expect 1 run "${job[@]}" --api sandbox --ledger first.db
HEALTHCHECK=IMPORTER_NOTIFY_HEALTHCHECK=http://127.0.0.1:$(cat port)/ping
expect 1 run "${job[@]}" --api sandbox --ledger second.db
if [ "$(sort pings | paste -sd ' ')" != "/ping /ping/start" ]; then
    echo "bare install: the health check was not pinged at start and end: $(paste -sd ' ' pings)" >&2
    exit 1
fi
