#!/usr/bin/env bash
# snakemake 9.27.1 with snakemake-executor-plugin-kubernetes 0.5.1: --shared-fs-usage is overruled without a word.
#
# Guess: pods that mount one persistent volume, as the executor's own option allows, share a file system, and saying so
# by --shared-fs-usage input-output lets jobs read and write there.
# Seen: the executor "implies no shared file system", which replaces what was given by nothing: Snakemake asks for a
# storage provider, as if the option were not there, and moves declared files alone through it.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet snakemake==9.27.1 snakemake-executor-plugin-kubernetes==0.5.1
printf 'rule one:\n    output: "out.txt"\n    shell: "touch {output}"\n' > Snakefile

said=$(venv/bin/snakemake --dry-run --executor kubernetes --kubernetes-persistent-volumes claim:/shared \
    --shared-fs-usage input-output persistence sources software-deployment source-cache storage-local-copies 2>&1) || true
if grep --quiet "If no shared filesystem is assumed for input and output files" <<< "$said"; then
    echo "snakemake 9.27.1: told of a shared file system, it assumes none with the executor for Kubernetes"
else
    echo "changed: --shared-fs-usage is heeded"
    exit 1
fi
