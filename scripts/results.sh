#!/usr/bin/env bash
# Trains and measures on real data, with the verbs that a user has: each line of
# the table below is one `train`, and one `eval` of the bundle it wrote, which
# must agree with it. SEEDS (5) and ONLY (a name) narrow a run. Writes
# out/results/NAME/ (report.html, report.json, bundle) and out/results/summary.md;
# the federation is measured by federation-results.sh (ONLY=federation).
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

# reasoning NAME FILE... -- runs one measurement of the differential diagnosis or of evidence, when its files are here.
# What it needs: the ontology and annotations, solved cases, a corpus, marked questions.
wanted() {
  case "$1" in
  hpo/*) echo "hp.json, phenotype.hpoa and genes_to_phenotype.txt of a release of the Human Phenotype Ontology" ;;
  phenopackets/*) echo "phenopackets of solved cases (phenopacket-store), one zip" ;;
  medquad/*) echo "repository abachaa/MedQuAD as JSON lines" ;;
  pubmedqa/*) echo "repository pubmedqa/pubmedqa, ori_pqal.json" ;;
  esac
}
reasoning() {
  local name=$1 need
  shift
  if [ -n "$ONLY" ] && [ "$ONLY" != "$name" ]; then return 1; fi
  for need in "$@"; do
    if ! compgen -G "$DATA/$need" >/dev/null; then
      missing=$((missing + 1))
      printf 'results: %s: no data at %s\n  wanted: %s\n' "$name" "$DATA/$need" "$(wanted "$need")" >&2
      return 1
    fi
  done
  echo "== $name"
  measured=$((measured + 1))
}
HOME_DIR=$OUT/home # an ontology of its own: nothing of the user's is touched
know() { [ -d "$HOME_DIR/ontology" ] || bin/consilium ontology import "$DATA"/hpo/*.gz --data-dir "$HOME_DIR" >/dev/null; }

if reasoning phenotype 'hpo/*.gz'; then
  know
  for part in dev test; do
    bin/consilium phenotype --eval "phenotype/testdata/marked/$part.txt" --data-dir "$HOME_DIR" | tee "$OUT/phenotype.$part.txt"
  done
fi
if reasoning differential 'hpo/*.gz' 'phenopackets/*.zip'; then
  know
  bin/consilium differential eval "$DATA"/phenopackets/*.zip --data-dir "$HOME_DIR" --html "$OUT/differential.html" | tee "$OUT/differential.txt"
fi
if reasoning knowledge 'hpo/*.gz'; then
  know
  bin/consilium knowledge train --sources OMIM --hold-out 0.05 --model tucker,complex --seeds "${KNOWLEDGE_SEEDS:-3}" --out "$OUT/knowledge" --data-dir "$HOME_DIR"
  bin/consilium knowledge eval "$OUT"/knowledge/*.model --data-dir "$HOME_DIR" | tee "$OUT/knowledge.txt"
fi
if reasoning evidence 'medquad/medquad.jsonl.gz'; then
  bin/consilium evidence eval --data "$DATA/medquad/medquad.jsonl.gz" --html "$OUT/evidence.html" | tee "$OUT/evidence.txt"
fi
if reasoning stance 'pubmedqa/pqal_cv_500.json'; then
  bin/consilium evidence train stance --data "$DATA/pubmedqa/pqal_cv_500.json" | tee "$OUT/stance.txt"
fi

if [ -z "$ONLY" ] || [ "$ONLY" = federation ]; then # has generated data where there are no others
  scripts/federation-results.sh
  measured=$((measured + 1))
fi

if [ "$measured" -eq 0 ]; then
  echo "results: nothing was measured" >&2
  exit 1
fi
if compgen -G "$OUT/*/report.json" >/dev/null; then
  "${GO:-go}" run ./internal/resultstable "$OUT"/*/report.json >"$OUT/summary.md"
  cat "$OUT/summary.md"
fi
echo "results: $measured measured, $missing without data; see $OUT"
