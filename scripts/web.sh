#!/usr/bin/env bash
# The page in web/app: built into web/dist, tested, tried in a browser.
#
#   web.sh build   npm ci + vite build; nothing to do when the sources are those of the last build
#   web.sh test    type check and unit tests
#   web.sh e2e     the page in Chromium, against the mock node or, with CONSILIUM_URL, a real one
#
# Without npm, build warns and leaves web/dist empty: the program compiles and
# serves its API, and a page that says so.
set -euo pipefail
cd "$(dirname "$0")/.."
APP=web/app
DIST=web/dist
STAMP=$DIST/.stamp

say()  { printf 'web: %s\n' "$*"; }
warn() { printf 'web: WARNING: %s\n' "$*" >&2; }

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# sources prints one hash over everything that the build reads.
sources() {
  (cd "$APP" && find src public index.html package.json package-lock.json .npmrc tsconfig.json vite.config.ts -type f | LC_ALL=C sort |
    while IFS= read -r f; do printf '%s\n' "$f"; cat "$f"; done) | sha256 | cut -d' ' -f1
}

# node_ok: Vite 8 needs Node.js 20.19 or newer.
node_ok() {
  command -v npm >/dev/null && command -v node >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

# packages installs what package-lock.json names, once. No install script runs.
packages() {
  local want have=$APP/node_modules/.consilium-lock
  want=$(sha256 <"$APP/package-lock.json" | cut -d' ' -f1)
  [ -f "$have" ] && [ "$(cat "$have")" = "$want" ] && return
  say "installing packages"
  (cd "$APP" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  printf '%s\n' "$want" >"$have"
}

build() {
  local want
  want=$(sources)
  if [ -f "$DIST/index.html" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$want" ]; then
    say "page: built already"
    return
  fi
  if ! node_ok; then
    warn "Node.js 20.19 or newer with npm is missing; the page is left out. The API works without it."
    return
  fi
  if ! packages; then
    warn "npm could not install the packages of the page; it is left out. The API works without it."
    return
  fi
  rm -rf web/dist.new
  (cd "$APP" && npm run --silent check && npx --no-install vite build --logLevel warn)
  find "$DIST" -mindepth 1 ! -name .gitkeep -delete
  mv web/dist.new/* "$DIST"/
  rmdir web/dist.new
  printf '%s\n' "$want" >"$STAMP"
  say "page: built, $(du -sh "$DIST" | cut -f1)"
}

unit() {
  node_ok || { echo "SKIPPED: page: Node.js 20.19 or newer with npm is missing" >&2; return; }
  packages
  (cd "$APP" && npm run --silent check && npm test --silent)
}

e2e() {
  node_ok || { echo "SKIPPED: page in a browser: Node.js 20.19 or newer with npm is missing" >&2; return; }
  [ -x "${CONSILIUM_CHROMIUM:-/usr/bin/chromium}" ] || { echo "SKIPPED: page in a browser: chromium is missing (apt-get install chromium)" >&2; return; }
  packages
  [ -n "${CONSILIUM_URL:-}" ] || { build; [ -x "${CONSILIUM_BIN:-bin/consilium}" ] || make build; }
  node --test --test-concurrency=1 web/e2e/*.test.mjs
}

case "${1:-}" in
  build) build ;;
  test) unit ;;
  e2e) e2e ;;
  *) echo "usage: web.sh build|test|e2e" >&2; exit 2 ;;
esac
