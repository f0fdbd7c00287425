#!/usr/bin/env bash
# PyTorch's side of the comparison of speed: one JSON line for each network, mode
# and batch. Without python3-torch it says so and ends well: nothing else needs it.
# Settings: THREADS (default: all cores), SECONDS_EACH (default 5), PYTHON.
set -euo pipefail
cd "$(dirname "$0")/peer"
PYTHON=${PYTHON:-/usr/bin/python3}
THREADS=${THREADS:-$(getconf _NPROCESSORS_ONLN)}
SECONDS_EACH=${SECONDS_EACH:-5}

if ! "$PYTHON" -c 'import torch' 2>/dev/null; then
  echo "peer: PyTorch is not here, its side is left out (Debian: apt-get install python3-torch)" >&2
  exit 0
fi
export PYTHONDONTWRITEBYTECODE=1
# Waiting threads that spin cost PyTorch up to ten times its own speed on a shared machine: this is in its favour.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
"$PYTHON" test_nets.py 2>&1 | tail -1 >&2
for net in cnn5 mobilenet2d resnet2d resnet3d mobilenet-ecg gru-cough; do
  "$PYTHON" train_step.py --net "$net" --threads "$THREADS" --seconds "$SECONDS_EACH"
  "$PYTHON" infer.py --net "$net" --threads "$THREADS" --seconds "$SECONDS_EACH"
done
