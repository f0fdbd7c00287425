# Exact versions and hashes of what setup fetches. Sourced, not run.
# shellcheck shell=bash disable=SC2034

# ONNX Runtime, MIT, as packed in the npm package onnxruntime-node.
ORT_VERSION=1.30.0
ORT_PACKAGE_SHA256=6e3390d6b783e7be946fad629292799da28d0b42f84856e50d2c1b0383291e75

# member of the package, name that it gets, SHA-256
ort_library() {
  local root=package/bin/napi-v6
  case "$1" in
    linux/amd64)  echo "$root/linux/x64/libonnxruntime.so.1 libonnxruntime.so.1 ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23" ;;
    linux/arm64)  echo "$root/linux/arm64/libonnxruntime.so.1 libonnxruntime.so.1 1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76" ;;
    darwin/arm64) echo "$root/darwin/arm64/libonnxruntime.1.dylib libonnxruntime.1.dylib 685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d" ;;
    *) return 1 ;;
  esac
}

STATICCHECK_VERSION=v0.7.0
MEDPLUM_VERSION=5.2.13 # FHIR validator, Apache-2.0, npm; tests only

# Independent readers of the same standards, from the distribution: oracles and
# peers in tests and benchmarks, never linked.
PEERS_TEST=(dcmtk dicom3tools python3-pydicom python3-gdcm libgdcm-tools libopenjp2-tools libjpeg-turbo-progs orthanc orthanc-dicomweb postgresql iproute2 chromium)
PEERS_BENCH=(python3-torch python3-sklearn)
