#!/usr/bin/env bash
# The demonstration: for a person it stays open until Ctrl-C, for a script it ends.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -t 1 ]; then
  exec bin/consilium demo --out out/demo
fi
exec bin/consilium demo --once --out out/demo
