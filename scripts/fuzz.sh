#!/usr/bin/env bash
# Runs each fuzz target for FUZZTIME (default 20s). New inputs that fail are
# written by Go to the package's testdata/fuzz and belong in the commit of the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
FUZZTIME=${FUZZTIME:-20s}

failed=0 ran=0
for package in $("$GO" list ./...); do
  for target in $("$GO" test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "== $package $target"
    ran=$((ran + 1))
    "$GO" test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" "$package" || failed=$((failed + 1))
  done
done
echo "$ran fuzz targets, $failed failed, $FUZZTIME each"
[ "$ran" -gt 0 ] && [ "$failed" -eq 0 ]
