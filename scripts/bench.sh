#!/usr/bin/env bash
# Speed: Go benchmarks of every package, then the same networks side by side with
# PyTorch in one run on the same cores. Never part of the tests: a timing is a
# measurement, not a truth. Writes out/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
OUT=out/bench
mkdir -p "$OUT"

{
  echo "date: $(date -u +%Y-%m-%dT%H:%MZ)"
  echo "cores: $(getconf _NPROCESSORS_ONLN)"
  echo "go: $("$GO" env GOVERSION) GOEXPERIMENT=$("$GO" env GOEXPERIMENT)"
  grep -m1 'model name' /proc/cpuinfo 2>/dev/null || true
} | tee "$OUT/machine.txt"

# The same networks, sizes, batches and threads on both sides, in one run.
THREADS=${THREADS:-$(getconf _NPROCESSORS_ONLN)}
export THREADS
echo "== Consilium: whole answers on one core, cost as work grows, inference and training steps ($THREADS threads)"
bin/consilium bench --quiet --cases --threads 1 | tee "$OUT/answers.txt"
bench/growth.sh | tee "$OUT/growth.txt"
bin/consilium bench --quiet --json --threads "$THREADS" >"$OUT/inference.json"
bin/consilium bench --quiet --threads "$THREADS" --steps --json >"$OUT/steps.json"
cat "$OUT/inference.json" "$OUT/steps.json"

echo "== PyTorch: the same"
bench/peer.sh | tee "$OUT/peer.jsonl"

echo "== the node: ingest beside Orthanc, the way back to the PACS, killed while 1,000 studies are under way"
scripts/ingest.sh | tee "$OUT/ingest.txt"
scripts/turnaround.sh | tee "$OUT/turnaround.txt"
CLINIC_STUDIES=1000 CLINIC_KILLS=10 "$GO" test ./clinic -run Killed -v -timeout 30m | tee "$OUT/killed.txt"

echo "== go test -bench"
"$GO" test -run '^$' -bench . -benchmem -benchtime "${BENCHTIME:-1s}" ./... >"$OUT/go.txt" || { tail -n 20 "$OUT/go.txt"; exit 1; }
grep -E '^(pkg:|Benchmark)' "$OUT/go.txt"
