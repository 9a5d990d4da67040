# What becomes of trained weights: clip and video accuracy, and accuracy while a video is being seen.


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
        mem_mb=NEEDS.memory("evaluate"),
        runtime=NEEDS.runtime("evaluate"),
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
        mem_mb=NEEDS.memory("online"),
        runtime=NEEDS.runtime("online"),
    params:
        identity=PLAN.identity("online", "run"),
    shell:
        'rcn-bench online {wildcards.run} --config "$CONFIG" > {log} 2>&1'
