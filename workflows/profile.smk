# What each model costs. Throughput is timed, so the rule takes every core and runs alone.


rule profile:
    output:
        f"{ROOT}/profiles/{{model}}.json",
    log:
        f"{ROOT}/logs/profile/{{model}}.log",
    benchmark:
        f"{ROOT}/benchmarks/profile/{{model}}.tsv"
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
            ]
        ),
        code=source_hash(*MODEL_CODE, "analysis/profile.py", "analysis/cost.py"),
    shell:
        "rcn-bench profile {wildcards.model} --config {params.resolved} --threads {threads} > {log} 2>&1"
