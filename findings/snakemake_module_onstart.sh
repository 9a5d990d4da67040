#!/usr/bin/env bash
# Snakemake 9.27.1: the onstart of a module does not run where another workflow takes its rules.
#
# Guess: `use rule * from other` brings the module's onstart along, so that what it writes is there before the first job.
# Seen: the jobs run and the module's onstart does not, without a word; included by `include:`, it does run. So a
# workflow that prepares files in onstart must prepare them when it is parsed to be usable as a module.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet snakemake==9.27.1

mkdir other
cat > other/Snakefile <<'S'
onstart:
    open("prepared.txt", "w").write("by onstart\n")

rule one:
    output: "out.txt"
    shell: "touch {output}"
S
printf 'include: "other/Snakefile"\n' > included
printf 'module other:\n    snakefile: "other/Snakefile"\n\nuse rule * from other\n' > outer

venv/bin/snakemake --cores 1 --snakefile included out.txt > /dev/null 2>&1
[ -f prepared.txt ] || { echo "changed: onstart of an included file does not run"; exit 1; }
rm prepared.txt out.txt
venv/bin/snakemake --cores 1 --snakefile outer out.txt > /dev/null 2>&1
if [ -f out.txt ] && [ ! -f prepared.txt ]; then
    echo "snakemake 9.27.1: a module's job ran, its onstart did not; of an included file both ran"
else
    echo "changed: the onstart of a module runs"
    exit 1
fi
