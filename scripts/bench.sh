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

echo "== go test -bench"
"$GO" test -run '^$' -bench . -benchmem -benchtime "${BENCHTIME:-1s}" ./... | tee "$OUT/go.txt" | grep -E '^(pkg:|Benchmark|FAIL|panic)'

for script in bench/*.sh; do
  [ -f "$script" ] || continue
  echo "== $script"
  "$script" | tee "$OUT/$(basename "$script" .sh).txt"
done
