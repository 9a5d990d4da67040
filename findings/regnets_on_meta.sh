#!/usr/bin/env bash
# torchvision 0.29.1 with torch 2.14.1: every image classifier can be built on the meta device, but no RegNet.
#
# Guess: `with torch.device("meta")` builds any of torchvision's networks, since that is what it is for: shapes without
# values, such as to count parameters or to check that a state dict fits.
# Seen: all 15 RegNets raise NotImplementedError ("Cannot copy out of meta tensor"), the other 65 build: a RegNet works
# out the widths of its stages with tensors, whose values it then asks for. What must know any network's shapes needs a
# real build to fall back on.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 torchvision==0.29.1
venv/bin/python -W ignore - <<'PYTHON'
import sys

import torch
from torchvision import models

names = models.list_models(module=models)
refused = []
for name in names:
    try:
        with torch.device("meta"):
            models.get_model(name)
    except NotImplementedError as error:
        refused.append(name)
        message = str(error).splitlines()[0]
regnets = [name for name in names if name.startswith("regnet")]
print(f"torchvision 0.29.1: {len(refused)} of {len(names)} classifiers cannot be built on meta: {', '.join(refused)}")
print(message if refused else "all can")
sys.exit(0 if refused == regnets and len(names) - len(refused) == 65 else 1)
PYTHON
