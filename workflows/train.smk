# 2D pretraining on stills, and the training of every run.


rule pretrain:
    input:
        stills=str(LAYOUT.stills),
    output:
        f"{ROOT}/pretrained/{{network}}-stills.safetensors",
        f"{ROOT}/pretrained/{{network}}-stills.json",
    log:
        f"{ROOT}/logs/pretrain/{{network}}.log",
    benchmark:
        f"{ROOT}/benchmarks/pretrain/{{network}}.tsv"
    priority: 100  # half of the runs wait for it
    conda:
        ENVIRONMENT
    threads: config["pretrain"]["threads"] if "pretrain" in config else 1
    resources:
        gpu=1,
    params:
        resolved=RESOLVED,
        config=config_hash(pretraining_settings(config)) if "pretrain" in config else "",
        code=source_hash(
            "models/network2d.py",
            "models/init.py",
            "data/transforms.py",
            "engine/pretrain.py",
            "engine/device.py",
            *STEP_CODE,
        ),
    shell:
        "rcn-bench pretrain {wildcards.network} --config {params.resolved} > {log} 2>&1"


rule train:
    input:
        training_inputs,
    output:
        f"{ROOT}/runs/{{run}}/model.safetensors",
        f"{ROOT}/runs/{{run}}/metrics.jsonl",
        f"{ROOT}/runs/{{run}}/provenance.json",
    log:
        f"{ROOT}/logs/train/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/train/{{run}}.tsv"
    priority: longest_first
    conda:
        ENVIRONMENT
    threads: config["train"]["threads"]
    resources:
        gpu=1,
    params:
        resolved=RESOLVED,
        config=training_config,
        code=source_hash(*TRAINING_CODE),
    shell:
        "rcn-bench train {wildcards.run} --config {params.resolved} > {log} 2>&1"
