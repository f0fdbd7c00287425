#!/usr/bin/env bash
# Everything that must hold before a commit counts. Prints each package, then
# every skip with its reason, then totals.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
started=$SECONDS

# Where goroutines share something. The race detector costs five- to tenfold, so
# the others do without.
RACE=(./engine/... ./train/... ./dataset/... ./registry/... ./explain/... ./intake/... ./panel/...)

scripts/lint.sh

mkdir -p out
report=out/testreport
"$GO" build -o "$report" ./internal/testreport

echo "== go test"
"$GO" test -json -timeout 8m ./... | "$report" -title "tests"

echo "== go test -race"
race=()
for p in "${RACE[@]}"; do [ -d "${p%/...}" ] && race+=("$p"); done
# The matrix kernels of GoMLX's Go backend step a pointer past the end of a slice before they mask it, which the
# race detector's pointer check takes for an error; the check is off for that module and on for everything else.
"$GO" test -json -race -short -gcflags='github.com/gomlx/compute/...=-d=checkptr=0' -timeout 12m "${race[@]}" | "$report" -title "race detector" -brief

echo "all checks passed in $((SECONDS - started)) s"
