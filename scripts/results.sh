#!/usr/bin/env bash
# Trains and measures on real data, with the verbs that a user has: each line of
# the table below is one `train`, and one `eval` of the bundle it wrote, which
# must agree with it. SEEDS (5) and ONLY (a name) narrow a run. Writes
# out/results/NAME/ (report.html, report.json, bundle) and out/results/summary.md.
set -euo pipefail
cd "$(dirname "$0")/.."
SEEDS=${SEEDS:-5}
ONLY=${ONLY:-}
DATA=${CONSILIUM_DATA:-../shared/data}
OUT=out/results

# name = task | data | where the data comes from | options. The network is the default of the
# data's kind: nothing is tuned to one set.
runs() {
  cat <<'TABLE'
pneumonia|medmnist/pneumoniamnist.npz|MedMNIST v2, Zenodo record 10519652, file pneumoniamnist.npz
retinopathy|medmnist/retinamnist.npz|MedMNIST v2, Zenodo record 10519652, file retinamnist.npz
cough|cough_covid|repository covid19-cough/dataset, folder raw and metadata.json
ecg|synthetic:ecg|generated, no download|--count 2000 --epochs 16
TABLE
}

# present says whether the data of a run is here. Names with a colon are generated.
place() { case "$1" in *:*) echo "$1" ;; *) echo "$DATA/$1" ;; esac; }
present() { case "$1" in *:*) true ;; *) [ -e "$1" ] ;; esac; }

mkdir -p "$OUT"
measured=0 missing=0
while IFS='|' read -r name data origin options; do
  if [ -n "$ONLY" ] && [ "$ONLY" != "$name" ]; then continue; fi
  from=$(place "$data")
  if ! present "$from"; then
    missing=$((missing + 1))
    printf 'results: %s: no data at %s\n  wanted: %s\n  put it there, or set CONSILIUM_DATA to the folder that holds %s\n' "$name" "$from" "$origin" "$data" >&2
    continue
  fi
  echo "== $name: $SEEDS seeds"
  # An unfinished run of the same settings goes on from its checkpoints.
  # shellcheck disable=SC2086 # options are words
  bin/consilium train --data "$from" --task "$name" --seeds "$SEEDS" --out "$OUT/$name" $options </dev/null | tee "$OUT/$name.train.txt"
  # shellcheck disable=SC2086
  bin/consilium eval "$OUT/$name/bundle" --data "$from" --split test ${options%%--epochs*} </dev/null | tee "$OUT/$name.eval.txt"
  measured=$((measured + 1))
done < <(runs)

if [ "$measured" -eq 0 ]; then
  echo "results: nothing was measured" >&2
  exit 1
fi
"${GO:-go}" run ./internal/resultstable "$OUT"/*/report.json >"$OUT/summary.md"
cat "$OUT/summary.md"
echo "results: $measured measured, $missing without data; $OUT/summary.md"
