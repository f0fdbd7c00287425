#!/usr/bin/env bash
# Everything that must hold before a commit counts. Prints each package, then
# every skip with its reason, then totals.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
started=$SECONDS

# Where goroutines share something. The race detector costs five- to tenfold, and the database has to be compiled once
# more for it; what is not listed here, and still shares something, has `make race`.
RACE=(./engine/... ./registry/... ./explain/... ./intake/... ./panel/... ./dimse/... ./hl7/... ./work/... ./federation/hub ./federation/site ./federation/room)
RACE_ALL=("${RACE[@]}" ./federation/... ./train/... ./dataset/... ./access/... ./clinic/... ./dicom/... ./dicomweb/... ./fhir/... ./govern/... ./node/... ./server/... ./store/...)

race() { # packages
  # The matrix kernels of GoMLX's Go backend step a pointer past the end of a slice before they mask it, which the
  # race detector's pointer check takes for an error; the check is off for that module and on for everything else.
  "$GO" test -json -vet=off -race -short -gcflags='github.com/gomlx/compute/...=-d=checkptr=0' -timeout 15m "$@" | "$report" -title "race detector" -brief
}

mkdir -p out
report=out/testreport
"$GO" build -o "$report" ./internal/testreport

if [ "${1:-}" = race ]; then
  race "${RACE_ALL[@]}"
  exit
fi

scripts/lint.sh

echo "== page: types and unit tests"
scripts/web.sh test

echo "== go test"
"$GO" test -json -vet=off -ldflags=-w -timeout 8m ./... | "$report" -title "tests"

echo "== go test -race"
race "${RACE[@]}"

echo "== page in a browser: against a mock node, and on a real one with its synthetic patient"
"$GO" build -o out/consilium ./cmd/consilium # with the flags of the tests, so that nothing is compiled twice
CONSILIUM_BIN=$PWD/out/consilium scripts/web.sh e2e

echo "all checks passed in $((SECONDS - started)) s"
