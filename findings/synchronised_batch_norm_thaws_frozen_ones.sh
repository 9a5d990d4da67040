#!/usr/bin/env bash
# torch 2.14.1: convert_sync_batchnorm takes layers that a class of one's own keeps frozen, and they learn from then on.
#
# Guess: a class that derives from BatchNorm2d and never leaves evaluation, as frozen batch norm is often written, is
# kept, since it takes no statistics that could be synchronised; or its conversion is refused.
# Seen: it is replaced by a plain SyncBatchNorm without a word. The next train() puts it into training: its statistics
# move, so that a network which was to keep those of its pretrained weights does not.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet torch==2.14.1 numpy==2.4.6

venv/bin/python - <<'P'
from torch import nn


class Frozen(nn.BatchNorm2d):
    def train(self, mode=True):
        return super().train(False)


net = nn.Sequential(nn.Conv2d(3, 4, 1), Frozen(4)).train()
assert not net[1].training, "changed: the layer is not frozen to begin with"
converted = nn.SyncBatchNorm.convert_sync_batchnorm(net).train()
assert type(converted[1]) is nn.SyncBatchNorm, f"changed: it is a {type(converted[1]).__name__}"
assert converted[1].training, "changed: it stays in evaluation"
print("torch 2.14.1: a frozen BatchNorm2d becomes a SyncBatchNorm, which train() puts into training")
P
