#!/usr/bin/env bash
# Trains and measures on real data, with the verbs that a user has: each line of
# the table below is one `train` and one `eval`. SEEDS (5) and ONLY (a name)
# narrow a run. Writes out/results/NAME/ and out/results/summary.md.
set -euo pipefail
cd "$(dirname "$0")/.."
SEEDS=${SEEDS:-5}
ONLY=${ONLY:-}
DATA=${CONSILIUM_DATA:-../shared/data}
OUT=out/results

# name | data | task | arch | where the data comes from
runs() {
  cat <<'TABLE'
pneumonia|medmnist/pneumoniamnist.npz|pneumonia|mobilenet|MedMNIST v2, Zenodo record 10519652, file pneumoniamnist.npz
retinopathy|medmnist/retinamnist.npz|retinopathy|mobilenet|MedMNIST v2, Zenodo record 10519652, file retinamnist.npz
cough|cough_covid|cough|cough|repository covid19-cough/dataset, folder raw and metadata.json
ecg|synthetic:ecg|ecg|ecg|generated, no download
TABLE
}

# present says whether the data of a run is here. Names with a colon are generated.
place() { case "$1" in *:*) echo "$1" ;; *) echo "$DATA/$1" ;; esac; }
present() { case "$1" in *:*) true ;; *) [ -e "$1" ] ;; esac; }

mkdir -p "$OUT"
done_runs=0 missing=0
while IFS='|' read -r name data task arch origin; do
  if [ -n "$ONLY" ] && [ "$ONLY" != "$name" ]; then continue; fi
  from=$(place "$data")
  if ! present "$from"; then
    missing=$((missing + 1))
    printf 'results: %s: no data at %s\n  wanted: %s\n  put it there, or set CONSILIUM_DATA to the folder that holds %s\n' "$name" "$from" "$origin" "$data" >&2
    continue
  fi
  echo "== $name: train ($SEEDS seeds)"
  rm -rf "${OUT:?}/$name"
  bin/consilium train --data "$from" --task "$task" --arch "$arch" --seeds "$SEEDS" --out "$OUT/$name" </dev/null
  done_runs=$((done_runs + 1))
done < <(runs)

echo "results: $done_runs measured, $missing without data"
[ "$done_runs" -gt 0 ]
