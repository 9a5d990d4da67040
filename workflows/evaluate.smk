# Clip and video accuracy of every run that a table shows, and the accuracy while a video is being seen.


rule evaluate:
    input:
        weights=f"{ROOT}/runs/{{run}}/model.safetensors",
        cache=str(LAYOUT.fingerprint("val")),
        classes=str(LAYOUT.fingerprint("train")),
    output:
        f"{ROOT}/runs/{{run}}/eval.json",
        f"{ROOT}/runs/{{run}}/predictions.csv",
    log:
        f"{ROOT}/logs/evaluate/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/evaluate/{{run}}.tsv"
    priority: 50  # short, and the tables wait for all of them
    conda:
        ENVIRONMENT
    threads: config["train"]["threads"]
    resources:
        gpu=1,
    params:
        resolved=RESOLVED,
        config=config_hash([config["clip"], config["train"]["autocast"]]),
        code=source_hash(
            *MODEL_CODE,
            *CLIP_CODE,
            "engine/evaluate.py",
            "engine/training_step.py",
            "intervals.py",
        ),
    shell:
        "rcn-bench evaluate {wildcards.run} --config {params.resolved} > {log} 2>&1"


rule online:
    input:
        weights=f"{ROOT}/runs/{{run}}/model.safetensors",
        cache=str(LAYOUT.fingerprint("val")),
        classes=str(LAYOUT.fingerprint("train")),
    output:
        f"{ROOT}/runs/{{run}}/online.csv",
    log:
        f"{ROOT}/logs/online/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/online/{{run}}.tsv"
    conda:
        ENVIRONMENT
    threads: config["train"]["threads"]
    resources:
        gpu=1,
    params:
        resolved=RESOLVED,
        config=config_hash([config["clip"], config["train"]["autocast"]]),
        code=source_hash(
            *MODEL_CODE,
            *CLIP_CODE,
            "engine/online.py",
            "engine/evaluate.py",
            "engine/training_step.py",
        ),
    shell:
        "rcn-bench online {wildcards.run} --config {params.resolved} > {log} 2>&1"
