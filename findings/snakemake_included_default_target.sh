#!/usr/bin/env bash
# Snakemake 9.27.1: default_target is forgotten where the rule stands in an included file.
#
# Guess: a Snakefile of one line, which includes a workflow whose rule `all` says default_target, makes what `all` asks.
# Seen: without a target there is nothing to be done, and the exit code is 0; the same file by itself makes it. So a
# Snakefile that only includes another needs a target of its own.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet snakemake==9.27.1

cat > whole <<'S'
rule one:
    output: "out.txt"
    shell: "touch {output}"

rule all:
    default_target: True
    input: "out.txt"
S
printf 'include: "whole"\n' > outer

said=$(venv/bin/snakemake --cores 1 --snakefile outer 2>&1)
if [ -f out.txt ]; then
    echo "changed: an included default_target is kept"
    exit 1
fi
grep -q "Nothing to be done" <<< "$said" || { echo "changed: $said"; exit 1; }
venv/bin/snakemake --cores 1 --snakefile whole > /dev/null 2>&1
[ -f out.txt ] || { echo "changed: default_target makes nothing by itself"; exit 1; }
echo "snakemake 9.27.1: included, default_target is forgotten (nothing to be done, exit code 0); by itself it is made"
