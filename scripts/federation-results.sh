#!/usr/bin/env bash
# The federation measured: part of `make results`. Real data where they are, else generated ones of the same kind,
# and it says which. Writes out/results/federation. SEEDS (5) and SPLITS (10) narrow a run.
set -euo pipefail
cd "$(dirname "$0")/.."
DATA=${CONSILIUM_DATA:-../shared/data}
SEEDS=${SEEDS:-5}
SPLITS=${SPLITS:-10}
OUT=out/results/federation
mkdir -p "$OUT"
GO=${GO:-go}
"$GO" build -o "$OUT/fleet" ./internal/fleet

# have PATH WANTED -- says whether data are here, and if not, which download is wanted.
have() {
  [ -e "$DATA/$1" ] && return
  printf 'results: federation: no data at %s, so generated data are used\n  wanted: %s\n' "$DATA/$1" "$2" >&2
  return 1
}
simulate() { # name options...
  local name=$1
  shift
  echo "== $name: consilium federate simulate $*"
  bin/consilium federate simulate "$@" --out "$OUT/$name" --html "$OUT/$name.html" | tee "$OUT/$name.txt"
}
# fleet: 23 sites as processes over TLS; 5 of them and the hub are killed on the way.
fleet() { # name options...
  local name=$1
  shift
  echo "== $name: 23 sites as processes"
  "$OUT/fleet" -sites 23 -kill 5 -kill-hub -seeds "$SEEDS" -out "$OUT/$name" "$@" | tee "$OUT/$name.txt"
}

HEART=synthetic:heart
if have uci_heart "the four processed files of the UCI set Heart Disease, as CSV with UCI's column names"; then HEART=heart:$DATA/uci_heart; fi
simulate heart --data "$HEART" --experiment heart --seeds "$SPLITS"

LINEAR="--arch logistic --rounds 60 --steps 10 --rate 0.03"
if have medmnist/pneumoniamnist.npz "MedMNIST v2, Zenodo record 10519652, file pneumoniamnist.npz"; then
  FILMS=$DATA/medmnist/pneumoniamnist.npz
  # shellcheck disable=SC2086 # options are words
  {
    simulate pneumonia --data "$FILMS" --experiment rare --rare 0:0.03 --balance 1 $LINEAR --seeds "$SEEDS"
    simulate poison --data "$FILMS" --experiment poison --alpha 1 --arch logistic --rounds 40 --steps 10 --rate 0.03 --seeds "$SEEDS"
    simulate shift --data "$FILMS" --experiment shift --sites 8 --arch logistic --rounds 40 --steps 10 --rate 0.03 --seeds "$SEEDS"
    simulate privacy --data "$FILMS" --experiment privacy --sites 8 --alpha 1 --arch logistic --rounds 20 --steps 5 --rate 0.1 --seeds "$SEEDS"
    fleet fleet-pneumonia -data "$FILMS" -rare 0:0.03 -prior -plan "$LINEAR --algorithm fedavg --momentum 0 --balance 1 --grace 3s"
  }
else
  fleet fleet-generated -plan "--arch logistic --rounds 20 --steps 5 --rate 0.2 --momentum 0 --grace 3s"
fi
if have medmnist/retinamnist.npz "MedMNIST v2, Zenodo record 10519652, file retinamnist.npz"; then
  FUNDI=$DATA/medmnist/retinamnist.npz
  # shellcheck disable=SC2086
  {
    simulate retina --data "$FUNDI" --experiment rare --rare 4:0.03 --balance 0.75 $LINEAR --seeds "$SEEDS"
    fleet fleet-retina -data "$FUNDI" -rare 4:0.03 -prior -plan "$LINEAR --algorithm fedavg --momentum 0 --balance 0.75 --grace 3s"
  }
fi
echo "results: federation: see $OUT"
