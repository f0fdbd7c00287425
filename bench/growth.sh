#!/usr/bin/env bash
# How cost grows with the work: 1, 10, 100 and 1,000 pictures in one call of
# `diagnose`, without heat maps: wall time and peak memory of the process.
# Wants /usr/bin/time (Debian: apt-get install time).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -x /usr/bin/time ]; then
  echo "growth: /usr/bin/time is not here (Debian: apt-get install time)" >&2
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bin/consilium demo --once --quiet --out "$dir/demo" >/dev/null || true
film="$dir/demo/patient/film.dcm"
echo "pictures    wall s    peak MB"
for n in 1 10 100 1000; do
  mkdir "$dir/$n"
  for ((i = 0; i < n; i++)); do cp "$film" "$dir/$n/$i.dcm"; done
  /usr/bin/time -f '%e %M' -o "$dir/$n.time" bin/consilium diagnose --quiet --json --method off "$dir/$n" >/dev/null
  read -r wall kb <"$dir/$n.time"
  printf '%8d %9s %10d\n' "$n" "$wall" "$((kb / 1024))"
done
