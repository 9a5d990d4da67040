#!/usr/bin/env bash
# Snakemake 9.27.1: --touch records the params of today for a file that was made with others.
#
# Guess: --touch changes times of files, so that a job whose params have changed is still planned after it.
# Seen: after --touch there is nothing to be done, and the file still holds the old value. So after a touch Snakemake's
# word that results are up to date proves nothing; what made a file must stand in or beside the file.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet snakemake==9.27.1

rule() {
    printf 'rule one:\n    output: "out.txt"\n    params: lr=%s\n    shell: "echo {params.lr} > {output}"\n' "$1" > Snakefile
}

rule 0.1
venv/bin/snakemake --cores 1 > /dev/null 2>&1
rule 0.2
planned=$(venv/bin/snakemake --dry-run 2>&1)
grep -q "Params have changed since last execution" <<< "$planned" || { echo "changed: new params are not planned"; exit 1; }
venv/bin/snakemake --cores 1 --touch > /dev/null 2>&1
planned=$(venv/bin/snakemake --dry-run 2>&1)
if grep -q "Nothing to be done" <<< "$planned" && grep -qx "0.1" out.txt; then
    echo "snakemake 9.27.1: lr became 0.2, --touch: nothing to be done; out.txt still says: $(cat out.txt)"
else
    echo "changed: after --touch the job with new params is planned"
    exit 1
fi
