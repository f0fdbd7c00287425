#!/usr/bin/env bash
# Makes dicom/pixel/jpeg2000/openjpeg.wasm anew: OpenJPEG's decoder, from Debian's
# source with Debian's security patches, compiled to WebAssembly by Debian's clang. The
# result is the committed file, byte for byte; --write replaces it.
#
#   openjpeg.sh           build, compare
#   openjpeg.sh --write   build, replace
#
# Nobody needs this to build or test Consilium. Debian 12 as root, for apt-get:
#   clang lld wasi-libc libclang-rt-14-dev-wasm32 dpkg-dev
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=2.5.0-2+deb12u3
ORIG_SHA256=007e19d772c8b6b22e35379630b06ff3549e49ba719d96453607a36ad7b4de73
DEBIAN_SHA256=36dedb0ca4c1659c173feac97c19b31985656f4cd112b1a4d54d54bc4133ad37
CLANG=14.0.6
OURS=$PWD/dicom/pixel/jpeg2000/openjpeg
COMMITTED=$PWD/dicom/pixel/jpeg2000/openjpeg.wasm

die() { printf 'openjpeg: %s\n' "$*" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch asks the machine's own Debian mirror for the source package. The
# machine's lists stay as they are.
fetch() {
  mkdir -p "$work/parts" "$work/lists/partial"
  local list
  for list in /etc/apt/sources.list.d/debian.sources; do
    [ -f "$list" ] && sed 's/^Types:.*/Types: deb-src/' "$list" > "$work/parts/debian.sources"
  done
  [ -f /etc/apt/sources.list ] && sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > "$work/parts/debian.list"
  local apt=(apt-get -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root)
  "${apt[@]}" update >&2
  (cd "$work" && "${apt[@]}" source --download-only "openjpeg2=$VERSION" >&2) || die "the mirror has no openjpeg2 $VERSION any more: take the newer one, test, and write its hashes here"
  (cd "$work" && sha256sum --check --quiet <<EOF
$ORIG_SHA256  openjpeg2_${VERSION%%-*}.orig.tar.xz
$DEBIAN_SHA256  openjpeg2_$VERSION.debian.tar.xz
EOF
  ) || die "the source is not the one that this script knows"
  (cd "$work" && dpkg-source --no-check -x openjpeg2_*.dsc src >&2)
}

# compile FLAGS... FILES: one object a file. No path gets into them.
compile() {
  clang --target=wasm32-wasi --sysroot=/usr -O3 -msimd128 -w -DNDEBUG -DMUTEX_stub -ffunction-sections -fdata-sections -I"$OURS" -I. -c "$@"
}

build() {
  cd "$work/src/src/lib/openjp2"
  # Every function asks now and then whether to go on (decode.c); where there
  # are no inner loops, every branch does.
  compile -fsanitize-coverage=func,trace-pc t1.c ht_dec.c dwt.c mct.c mqc.c
  compile -fsanitize-coverage=edge,trace-pc bio.c cio.c event.c function_list.c image.c invert.c j2k.c jp2.c openjpeg.c \
    opj_malloc.c pi.c sparse_array.c t2.c tcd.c tgt.c thread.c
  compile "$OURS/decode.c"
  clang --target=wasm32-wasi --sysroot=/usr -mexec-model=reactor -nostartfiles \
    -Wl,--no-entry,--gc-sections,--strip-all,--initial-memory=2097152,-z,stack-size=1048576 \
    -o "$work/openjpeg.wasm" ./*.o -lc-printscan-long-double
}

clang --version | grep -q "version $CLANG" || die "clang $CLANG is needed; another one makes other bytes"
fetch
(build)
sha256sum "$work/openjpeg.wasm" | sed "s|$work/||"
if [ "${1:-}" = --write ]; then
  install -m 644 "$work/openjpeg.wasm" "$COMMITTED"
  install -m 644 "$work/src/LICENSE" "$OURS/LICENSE"
else
  cmp "$work/openjpeg.wasm" "$COMMITTED" && echo "openjpeg: the committed file is this one"
fi
