#!/usr/bin/env bash
# safetensors 0.8.0: the same tensors with the same metadata of several keys are written as different bytes.
#
# Guess: equal tensors and equal metadata give equal files, since there is no time, no path and no pickle in the format.
# Seen: the metadata's keys stand in the header in an order that differs from call to call, so the sha256 of equal
# weights differs. With one key (say one JSON text that holds all) the bytes are the same every time.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet safetensors==0.8.0 numpy==2.4.0
venv/bin/python - <<'PYTHON'
import hashlib, sys
import numpy as np
from safetensors.numpy import save

tensors = {"weight": np.arange(6.0).reshape(2, 3)}


def different_files(metadata):
    return len({hashlib.sha256(save(tensors, metadata=metadata)).hexdigest() for _ in range(50)})


several = different_files({"run": "a", "labels": "[1]", "config": "{}", "seed": "0"})
one = different_files({"card": '{"run": "a", "labels": [1], "config": {}, "seed": 0}'})
print(f"safetensors 0.8.0, 50 files of equal content: {several} different ones with four keys, {one} with one key")
sys.exit(0 if several > 1 and one == 1 else 1)
PYTHON
