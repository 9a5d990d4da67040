# Benchmark of recurrent convolutions for causal 3D CNNs: from videos to the paper's tables and figures.
#
#   snakemake --cores 4 all_tables          the tables of config/mini.yaml, below results/mini/tables
#   snakemake --cores 4 all                 the figures too
#   snakemake --cores 4 --configfile config/seeds.yaml all_claims
#   snakemake --cores 4 --configfile config/smoke.yaml all

import gc

# Jobs and their files stay until the end: at Python's pace a sixth of planning goes into looking for unused ones.
gc.set_threshold(100_000)


include: "workflows/common.smk"
include: "workflows/data.smk"
include: "workflows/train.smk"
include: "workflows/evaluate.smk"
include: "workflows/states.smk"
include: "workflows/profile.smk"
include: "workflows/league.smk"
include: "workflows/tables.smk"
include: "workflows/figures.smk"
include: "workflows/claims.smk"


localrules:
    all,
    all_tables,
    all_figures,
    all_claims,


rule all:
    default_target: True
    input:
        rules.all_tables.input,
        rules.all_figures.input,
