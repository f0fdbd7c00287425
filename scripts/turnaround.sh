#!/usr/bin/env bash
# How long a PACS waits: SYNTHETIC chest films (COUNT, 100) go to `consilium serve`, which diagnoses each and sends SR,
# SEG and heat map to Orthanc; all in one network namespace on the same cores. Prints median, p95 and longest time
# from the last C-STORE to the report in Orthanc, and the node's peak of resident memory. Needs root for unshare.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go} COUNT=${COUNT:-100}

for program in Orthanc unshare echoscu; do
  command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed" >&2; exit 0; }
done
if [ "${TURNAROUND_ISOLATED:-}" != 1 ]; then # Orthanc listens on every interface
  mkdir -p out/turnaround
  "$GO" build -o out/turnaround/turnaround ./bench/turnaround
  TURNAROUND_ISOLATED=1 exec unshare -n "$0" "$@"
fi
ip link set lo up
export TCP_NODELAY=1

work=$(mktemp -d "$PWD/out/turnaround/run.XXXX")
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cat >"$work/orthanc.json" <<JSON
{"StorageDirectory": "$work/orthanc", "IndexDirectory": "$work/orthanc", "DicomAet": "ARCHIVE", "DicomPort": 4242, "HttpPort": 8042,
 "DicomAlwaysAllowStore": true, "RemoteAccessAllowed": false}
JSON
mkdir "$work/orthanc"
Orthanc "$work/orthanc.json" >"$work/orthanc.log" 2>&1 &
"${CONSILIUM:-bin/consilium}" serve --quiet --data-dir "$work/node" --listen 127.0.0.1:8080 --dicom 127.0.0.1:11112 --to pacs=ARCHIVE@127.0.0.1:4242 >"$work/node.log" 2>&1 &
node=$!
for port in "CONSILIUM 11112" "ARCHIVE 4242"; do
  # shellcheck disable=SC2086 # two words are meant
  set -- $port
  for _ in $(seq 300); do echoscu -aec "$1" 127.0.0.1 "$2" 2>/dev/null && break; sleep 0.1; done
done
[ -d "/proc/$node" ] || { cat "$work/node.log" >&2; exit 1; }
out/turnaround/turnaround 127.0.0.1:11112 http://127.0.0.1:8042 "$COUNT"
awk '/VmHWM/ {printf "peak resident memory of the node: %.0f MB\n", $2 / 1024}' "/proc/$node/status"
