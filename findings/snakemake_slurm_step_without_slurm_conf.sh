#!/usr/bin/env bash
# snakemake-executor-plugin-slurm-jobstep 0.6.1: a job's srun does not get the SLURM_CONF that sbatch was called with.
#
# Guess: jobs are submitted with --export=ALL, so that where SLURM_CONF says where the cluster's configuration lies, it
# does so in the job too.
# Seen: within the job every SLURM_ variable but ten is taken from srun's environment, to drop limits of the step around
# it; SLURM_CONF is none of the ten. srun then looks for /etc/slurm/slurm.conf and DNS records, and every job fails.
# Here srun is a script that tells what it was given.
set -euo pipefail
cd "$(mktemp -d)"
python3 -m venv venv
venv/bin/pip install --quiet snakemake==9.27.1 snakemake-executor-plugin-slurm-jobstep==0.6.1
printf 'rule one:\n    output: "out.txt"\n    shell: "touch {output}"\n' > Snakefile
mkdir bin
printf '#!/bin/sh\nenv > %s/given.txt\n' "$PWD" > bin/srun
chmod +x bin/srun

export SLURM_CONF=/site/slurm.conf SLURM_JOB_ID=1 SLURM_JOB_NAME=job OTHER=kept
PATH="$PWD/bin:$PATH" venv/bin/snakemake --executor slurm-jobstep --jobs 1 --latency-wait 0 --mode remote \
    --target-jobs one: --force out.txt > said.txt 2>&1 || true
grep --quiet OTHER=kept given.txt && grep --quiet SLURM_JOB_ID=1 given.txt || { cat said.txt; echo "changed: no such call"; exit 1; }
if grep --quiet SLURM_CONF given.txt; then
    echo "changed: SLURM_CONF reaches srun"
    exit 1
fi
echo "snakemake-executor-plugin-slurm-jobstep 0.6.1: srun gets SLURM_JOB_ID and all that is not SLURM's, not SLURM_CONF"
