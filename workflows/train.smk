# 2D pretraining on stills, and the training of every run.


rule pretrain:
    input:
        stills=f"{ROOT}/data/stills.npz",
    output:
        f"{ROOT}/pretrained/{{network}}-stills.safetensors",
        f"{ROOT}/pretrained/{{network}}-stills.json",
    log:
        f"{ROOT}/logs/pretrain/{{network}}.log",
    benchmark:
        f"{ROOT}/benchmarks/pretrain/{{network}}.tsv"
    priority: 100  # half of the runs wait for it
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.experiment.pretrain.threads if PLAN.experiment.pretrain else 1
    resources:
        gpu=1,
        mem_mb=NEEDS.memory("pretrain"),
        runtime=NEEDS.runtime("pretrain"),
    params:
        identity=PLAN.identity("pretrain", "network"),
    shell:
        'rcn-bench pretrain {wildcards.network} --config "$CONFIG" > {log} 2>&1'


rule train:
    input:
        PLAN.of_training,
    output:
        f"{ROOT}/runs/{{run}}/model.safetensors",
        f"{ROOT}/runs/{{run}}/metrics.jsonl",
        f"{ROOT}/runs/{{run}}/provenance.json",
    log:
        f"{ROOT}/logs/train/{{run}}.log",
    benchmark:
        f"{ROOT}/benchmarks/train/{{run}}.tsv"
    priority: PLAN.longest_first
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.training_threads
    resources:
        gpu=PLAN.training_gpus,
        nodes=1,  # its processes are started on one machine; SLURM would spread its GPUs over several
        mem_mb=NEEDS.memory("train"),
        runtime=NEEDS.runtime("train"),
    params:
        identity=PLAN.identity("train", "run"),
    shell:
        'rcn-bench train {wildcards.run} --config "$CONFIG" > {log} 2>&1'
