#!/usr/bin/env bash
# gofmt, go vet, staticcheck. Fails at the first that has something to say.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}

echo "== gofmt"
unformatted=$("$("$GO" env GOROOT)/bin/gofmt" -l .)
if [ -n "$unformatted" ]; then
  printf 'not formatted, run gofmt -w on:\n%s\n' "$unformatted" >&2
  exit 1
fi

echo "== go vet"
"$GO" vet ./...

echo "== staticcheck"
if [ -x .tools/bin/staticcheck ]; then
  .tools/bin/staticcheck ./...
else
  echo "SKIPPED: staticcheck is not installed (make setup says why)" >&2
fi
