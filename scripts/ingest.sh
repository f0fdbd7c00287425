#!/usr/bin/env bash
# Ingest, side by side with Orthanc: dcmtk's storescu sends SYNTHETIC CT images over 1 and over 4 associations to a
# node that only receives (bench/ingest: dimse and store as the real node has them) and to Orthanc, by turns, in one
# network namespace on the same cores. Prints seconds (median, fastest, slowest) and the peak of resident memory.
# COUNT (200) images of SIDE (512) pixels squared with 16 bits, RUNS (5). Needs root, or user namespaces, for unshare.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go} COUNT=${COUNT:-200} SIDE=${SIDE:-512} RUNS=${RUNS:-5}

for program in storescu echoscu Orthanc unshare; do
  command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed" >&2; exit 0; }
done
if [ "${INGEST_ISOLATED:-}" != 1 ]; then # Orthanc listens on every interface
  mkdir -p out/ingest
  "$GO" build -o out/ingest/ingest ./bench/ingest
  INGEST_ISOLATED=1 exec unshare -n "$0" "$@"
fi
ip link set lo up
export TCP_NODELAY=1 # without it dcmtk waits 40 ms for every object

work=$(mktemp -d "$PWD/out/ingest/run.XXXX")
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
out/ingest/ingest images "$work/images" "$COUNT" "$SIDE"
for part in 0 1 2 3; do mkdir "$work/part$part"; done
n=0
for f in "$work"/images/*; do ln "$f" "$work/part$((n % 4))/"; n=$((n + 1)); done

start() { # consilium|orthanc: a fresh one
  rm -rf "$work/data"; mkdir "$work/data"
  if [ "$1" = consilium ]; then
    out/ingest/ingest serve 127.0.0.1:11112 "$work/data" & server=$!
    return
  fi
  cat >"$work/orthanc.json" <<JSON
{"StorageDirectory": "$work/data", "IndexDirectory": "$work/data", "DicomAet": "CONSILIUM", "DicomPort": 11112,
 "HttpServerEnabled": false, "SyncStorageArea": ${SYNC:-true}, "DicomCheckCalledAet": true, "DicomAlwaysAllowStore": true}
JSON
  Orthanc "$work/orthanc.json" >"$work/orthanc.log" 2>&1 & server=$!
}

ready() {
  for _ in $(seq 300); do
    echoscu -aec CONSILIUM 127.0.0.1 11112 2>/dev/null && return
    sleep 0.05
  done
  echo "the server did not start" >&2; exit 1
}

send() { # number of associations; prints seconds
  local from; from=$(date +%s%N)
  if [ "$1" = 1 ]; then
    storescu -aec CONSILIUM +sd 127.0.0.1 11112 "$work/images"
  else
    local jobs=()
    for part in 0 1 2 3; do storescu -aec CONSILIUM +sd 127.0.0.1 11112 "$work/part$part" & jobs+=($!); done
    for job in "${jobs[@]}"; do wait "$job"; done
  fi
  echo "$(($(date +%s%N) - from))" | awk '{printf "%.3f\n", $1 / 1e9}'
}

for run in $(seq "$RUNS"); do
  for associations in 1 4; do
    for who in consilium orthanc; do
      start "$who"; ready; sync
      seconds=$(send "$associations")
      peak=$(awk '/VmHWM/ {print $2}' "/proc/$server/status")
      echo "$who $associations $seconds $peak" | tee -a "$work/figures" >&2
      kill "$server"; wait "$server" || true; server=
    done
  done
done

{
  echo "$COUNT SYNTHETIC CT images of ${SIDE}x${SIDE}x16, $RUNS runs, $(getconf _NPROCESSORS_ONLN) cores, $(Orthanc --version | head -1), file system $(stat -f -c %T "$work"), Orthanc's SyncStorageArea ${SYNC:-true}"
  printf '%-10s %13s %10s %10s %10s %12s %12s\n' server associations median/s fastest/s slowest/s images/s peak/MB
  for associations in 1 4; do
    for who in consilium orthanc; do
      awk -v w="$who" -v a="$associations" '$1 == w && $2 == a' "$work/figures" | sort -n -k3 |
        awk -v n="$COUNT" '{t[NR] = $3; if ($4 > m) m = $4}
          END {printf "%-10s %13d %10.3f %10.3f %10.3f %12.0f %12.1f\n", $1, $2, t[int((NR + 1) / 2)], t[1], t[NR], n / t[int((NR + 1) / 2)], m / 1024}'
    done
  done
} | tee out/ingest/table.txt
