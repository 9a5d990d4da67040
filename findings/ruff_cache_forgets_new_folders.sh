#!/usr/bin/env bash
# ruff 0.17.6: with a cache, `ruff check` passes what it refuses without one, once a folder named like an import is there.
#
# Guess: the cache is asked for a file only while all that its verdict rests on is the same.
# Seen: whether an import is the project's own, and so how imports are to be sorted, depends on which folders lie beside
# the project's files. A new folder changes that; the verdict of a file that did not change is taken from the cache all
# the same, and says that all is well. A clone without a cache, as CI has it, then fails.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet ruff==0.17.6

mkdir -p project/tests && cd project
printf '[lint]\nselect = ["I"]\n' > ruff.toml
printf 'from processes import jobs\nfrom workflow import Workflow\n\nprint(jobs, Workflow)\n' > tests/soak.py
../venv/bin/ruff check --quiet || { echo "changed: refused before there is such a folder"; exit 1; }
mkdir workflow
../venv/bin/ruff check --quiet || { echo "changed: the cache knows of the folder"; exit 1; }
if ../venv/bin/ruff check --quiet --no-cache > said; then
    echo "changed: passes without a cache too"
    exit 1
fi
grep -q "I001" said || { echo "changed: $(cat said)"; exit 1; }
echo "ruff 0.17.6: a new folder named workflow makes a file's imports unsorted (I001), which the cache does not notice"
