# What becomes of a network's hidden state: w_hh by layer, and accuracy by the state's age.


rule w_hh:
    input:
        weights=f"{ROOT}/runs/{{run}}/model.safetensors",
    output:
        f"{ROOT}/runs/{{run}}/w_hh.json",
        f"{ROOT}/runs/{{run}}/w_hh.safetensors",
    log:
        f"{ROOT}/logs/w_hh/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/w_hh/{{run}}.tsv"
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        mem_mb=NEEDS.memory("w_hh"),
        runtime=NEEDS.runtime("w_hh"),
    params:
        identity=PLAN.identity("w_hh", "run"),
    shell:
        'rcn-bench w-hh {wildcards.run} --config "$CONFIG" > {log} 2>&1'


rule lifetime:
    input:
        f"{ROOT}/runs/{{run}}/model.safetensors",
    output:
        f"{ROOT}/runs/{{run}}/lifetime.csv",
        f"{ROOT}/runs/{{run}}/lifetime.json",
    log:
        f"{ROOT}/logs/lifetime/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/lifetime/{{run}}.tsv"
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.experiment.train.threads
    resources:
        gpu=1,
        mem_mb=NEEDS.memory("lifetime"),
        runtime=NEEDS.runtime("lifetime"),
    params:
        identity=PLAN.identity("lifetime", "run"),
    shell:
        'rcn-bench lifetime {wildcards.run} --config "$CONFIG" > {log} 2>&1'
