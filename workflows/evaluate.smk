# What becomes of trained weights: clip and video accuracy, accuracy while a video is being seen and by the
# age of a network's state, w_hh by layer.


rule evaluate:
    input:
        weights=f"{ROOT}/runs/{{run}}/model.safetensors",
        cache=f"{ROOT}/cache/val.fingerprint",
    output:
        f"{ROOT}/runs/{{run}}/eval.json",
        f"{ROOT}/runs/{{run}}/predictions.csv",
        f"{ROOT}/runs/{{run}}/scores.safetensors",
    log:
        f"{ROOT}/logs/evaluate/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/evaluate/{{run}}.tsv"
    priority: 50  # short, and the tables wait for all of them
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.experiment.train.threads
    resources:
        gpu=1,
        mem_mb=PLAN.memory("evaluate"),
        runtime=PLAN.runtime("evaluate"),
    params:
        identity=PLAN.identity("evaluate", "run"),
    shell:
        'rcn-bench evaluate {wildcards.run} --config "$CONFIG" > {log} 2>&1'


rule online:
    input:
        weights=f"{ROOT}/runs/{{run}}/model.safetensors",
        cache=f"{ROOT}/cache/val.fingerprint",
    output:
        f"{ROOT}/runs/{{run}}/online.csv",
        f"{ROOT}/runs/{{run}}/online.json",
    log:
        f"{ROOT}/logs/online/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/online/{{run}}.tsv"
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.experiment.train.threads
    resources:
        gpu=1,
        mem_mb=PLAN.memory("online"),
        runtime=PLAN.runtime("online"),
    params:
        identity=PLAN.identity("online", "run"),
    shell:
        'rcn-bench online {wildcards.run} --config "$CONFIG" > {log} 2>&1'


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
        mem_mb=PLAN.memory("w_hh"),
        runtime=PLAN.runtime("w_hh"),
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
        mem_mb=PLAN.memory("lifetime"),
        runtime=PLAN.runtime("lifetime"),
    params:
        identity=PLAN.identity("lifetime", "run"),
    shell:
        'rcn-bench lifetime {wildcards.run} --config "$CONFIG" > {log} 2>&1'
