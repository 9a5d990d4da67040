#!/usr/bin/env bash
# Snakemake 9.27.1 records a job's params without their names: two that exchange their values rerun nothing.
#
# Guess: a job whose params a=1, b=2 become a=2, b=1 is planned anew ("params have changed since last execution").
# Seen: "Nothing to be done", though a change of either value alone is planned. So a workflow that hands settings to a
# command as params must put name and value into one param, or results go stale without a word.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet snakemake==9.27.1

plan() {
    printf 'rule one:\n    output: "out.txt"\n    params: lr=%s, momentum=%s\n    shell: "echo {params.lr} {params.momentum} > {output}"\n' "$1" "$2" > Snakefile
    venv/bin/snakemake --cores 1 "${@:3}" 2>&1
}

plan 0.1 0.9 > /dev/null
grep -q "0.1 0.9" out.txt
changed=$(plan 0.2 0.9 --dry-run)
grep -q "Params have changed since last execution" <<< "$changed" || { echo "a changed value is no longer planned"; exit 1; }
exchanged=$(plan 0.9 0.1 --dry-run)
if grep -q "Nothing to be done" <<< "$exchanged"; then
    echo "snakemake 9.27.1: lr=0.1 momentum=0.9 became lr=0.9 momentum=0.1: nothing to be done; out.txt still says: $(cat out.txt)"
else
    echo "changed: exchanged params are planned anew"
    exit 1
fi
