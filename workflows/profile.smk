# What each model costs: what can be counted, and what must be timed.


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
        config=config_hash([config["profile"], experiment.clip_lengths(config)]),
        code=source_hash(*MODEL_CODE, "analysis/profile.py", "analysis/cost.py"),
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
                experiment.clip_lengths(config),
                experiment.timed_models(config),
            ]
        ),
        code=source_hash(*MODEL_CODE, "analysis/profile.py", "analysis/cost.py"),
    shell:
        "rcn-bench throughput --config {params.resolved} --threads {threads} > {log} 2>&1"
