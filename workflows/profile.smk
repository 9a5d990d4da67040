# What each model costs, counted and timed, and whether it is causal.


rule profile:
    output:
        f"{ROOT}/profiles/{{model}}.json",
    log:
        f"{ROOT}/logs/profile/{{model}}.log",
    benchmark:
        f"{ROOT}/benchmarks/profile/{{model}}.tsv"
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        gpu=1,
        mem_mb=PLAN.memory("profile"),
        runtime=PLAN.runtime("profile"),
    params:
        identity=PLAN.identity("profile", "model"),
    shell:
        'rcn-bench profile {wildcards.model} --config "$CONFIG" > {log} 2>&1'


rule throughput:
    # All models in one process that has its cores to itself, so that their ratios can be trusted.
    output:
        f"{ROOT}/throughput.json",
    log:
        f"{ROOT}/logs/throughput.log",
    benchmark:
        f"{ROOT}/benchmarks/throughput.tsv"
    priority: 200  # first, since later all cores but one would wait for the last job before it
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.experiment.profile.threads
    resources:
        gpu=1,
        mem_mb=PLAN.memory("throughput"),
        runtime=PLAN.runtime("throughput"),
    params:
        identity=PLAN.identity("throughput"),
    shell:
        'rcn-bench throughput --config "$CONFIG" --threads {threads} > {log} 2>&1'


rule causality:
    output:
        f"{ROOT}/causality.json",
    log:
        f"{ROOT}/logs/causality.log",
    benchmark:
        f"{ROOT}/benchmarks/causality.tsv"
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        mem_mb=PLAN.memory("causality"),
        runtime=PLAN.runtime("causality"),
    params:
        identity=PLAN.identity("causality"),
    shell:
        'rcn-bench causality --config "$CONFIG" > {log} 2>&1'
