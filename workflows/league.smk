# What models cost on live video, measured by turns.


rule league:
    # All models in one process that has its cores to itself, as for throughput.
    output:
        f"{ROOT}/league.json",
    log:
        f"{ROOT}/logs/league.log",
    benchmark:
        f"{ROOT}/benchmarks/league.tsv"
    priority: 200  # first, as throughput
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.experiment.profile.threads
    resources:
        gpu=1,
        mem_mb=NEEDS.memory("league"),
        runtime=NEEDS.runtime("league"),
    params:
        identity=PLAN.identity("league"),
    shell:
        'rcn-bench league --config "$CONFIG" --threads {threads} > {log} 2>&1'
