#!/usr/bin/env bash
# A hub and two hospitals as three processes on this machine, with the verbs that administrators use. Each hospital
# sees mostly one kind of patient (generated data); the model they make together is better than what either makes
# alone, or this ends with an error. Everything is left in out/federation-demo.
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=out/federation-demo
DATA="--data synthetic:heart"
CUT="--alpha 0.3 --part-seed 1"
rm -rf "$OUT"
mkdir -p "$OUT"
started=$SECONDS
run() { bin/consilium "$@" --data-dir "$OUT/$who"; }
cleanup() { jobs -p | xargs -r kill 2>/dev/null || true; wait 2>/dev/null || true; }
trap cleanup EXIT

echo "== the hub"
who=hub
(exec bin/consilium federate hub --listen 127.0.0.1:0 --data-dir "$OUT/hub" >/dev/null 2>"$OUT/hub.log") &
address=
for _ in $(seq 300); do
  address=$(sed -n 's/.*sites connect to \([0-9.:]*\).*/\1/p' "$OUT/hub.log")
  [ -n "$address" ] && break
  sleep 0.1
done
[ -n "$address" ] || { cat "$OUT/hub.log" >&2; exit 1; }
echo "listens on $address"

for n in 1 2; do
  echo "== hospital-$n is invited, joins, and agrees to what its policy allows"
  who=hub
  code=$(run federate invite "hospital-$n" --json | sed -n 's/.*"code": *"\([^"]*\)".*/\1/p')
  who=hospital-$n
  run federate join "$code" --hub "$address" | sed -n 1p # reads to the end: a verb whose reader has gone would fail
  printf '{"agree": true, "min_cohort": 20}\n' >"$OUT/$who/federation/policy.json"
  # shellcheck disable=SC2086 # options are words
  (exec bin/consilium federate site $DATA --part "$n/2" $CUT --data-dir "$OUT/$who" >/dev/null 2>"$OUT/$who.log") &
done

echo "== a job is proposed, and runs"
who=hub
# shellcheck disable=SC2086
run federate propose $DATA --id heart-1 --title 'Coronary disease from routine data' --purpose 'Demonstration on generated patients' \
  --arch logistic --rounds 20 --steps 5 --quorum 2 --rate 0.2 --momentum 0 --round-deadline 30s --wait | tee "$OUT/report.txt"
run federate report heart-1 --html "$OUT/report.html" --json >"$OUT/report.json"

echo "== what each hospital has of it"
"${GO:-go}" run ./internal/fleet -judge "$OUT/report.json"
echo "done in $((SECONDS - started)) s; the story with pictures: $OUT/report.html"
