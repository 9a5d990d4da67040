# What each model costs, counted and timed, and whether it is causal.


rule profile:
    output:
        f"{ROOT}/profiles/{{model}}.json",
    log:
        f"{ROOT}/logs/profile/{{model}}.log",
    benchmark:
        f"{ROOT}/benchmarks/profile/{{model}}.tsv"
    conda:
        ENVIRONMENT
    resources:
        gpu=1,
    params:
        resolved=RESOLVED,
        config=profile_config,
        code=source_hash(*MODEL_CODE, *COST_CODE),
    shell:
        "rcn-bench profile {wildcards.model} --config {params.resolved} > {log} 2>&1"


rule throughput:
    # All models in one process that has every core to itself, so that their ratios can be trusted.
    output:
        f"{ROOT}/throughput.json",
    log:
        f"{ROOT}/logs/throughput.log",
    benchmark:
        f"{ROOT}/benchmarks/throughput.tsv"
    conda:
        ENVIRONMENT
    threads: workflow.cores
    resources:
        gpu=1,
    params:
        resolved=RESOLVED,
        config=config_hash(
            [
                config["profile"],
                config["clip"]["crop"],
                experiment.timed_clips(config),
            ]
        ),
        code=source_hash(*MODEL_CODE, *COST_CODE),
    shell:
        "rcn-bench throughput --config {params.resolved} --threads {threads} > {log} 2>&1"


rule causality:
    output:
        f"{ROOT}/causality.json",
    log:
        f"{ROOT}/logs/causality.log",
    benchmark:
        f"{ROOT}/benchmarks/causality.tsv"
    conda:
        ENVIRONMENT
    params:
        resolved=RESOLVED,
        config=config_hash([config["tables"]["table5"], config["clip"]["crop"]]),
        code=source_hash(*MODEL_CODE, "analysis/causality.py"),
    shell:
        "rcn-bench causality --config {params.resolved} > {log} 2>&1"
