# The embedded data set, and the cache that all runs share.


if PLAN.experiment.data.digits is not None:

    rule make_digits:
        output:
            directory(f"{ROOT}/data/videos"),
            expand(f"{ROOT}/data/annotations/{{split}}.csv", split=["train", "val"]),
            f"{ROOT}/data/stills.npz",
        log:
            f"{ROOT}/logs/make_digits.log",
        benchmark:
            f"{ROOT}/benchmarks/make_digits.tsv"
        retries: 1
        conda:
            ENVIRONMENT
        threads: PLAN.digits_threads
        resources:
            mem_mb=NEEDS.memory("digits"),
            runtime=NEEDS.runtime("digits"),
        params:
            identity=PLAN.identity("digits"),
        shell:
            'rcn-bench data make-digits --config "$CONFIG" --workers {threads} > {log} 2>&1'


rule shard:
    # Its output only names the shard, which lies beside it and is kept as long as its videos and settings are the same.
    input:
        PLAN.lists,
    output:
        f"{ROOT}/cache/{{split}}/{{shard}}.json",
    log:
        f"{ROOT}/logs/cache/{{split}}/{{shard}}.log",
    benchmark:
        f"{ROOT}/benchmarks/cache/{{split}}/{{shard}}.tsv"
    retries: 1
    conda:
        ENVIRONMENT
    threads: PLAN.shard_threads
    resources:
        mem_mb=NEEDS.memory("shard"),
        runtime=NEEDS.runtime("shard"),
    params:
        identity=PLAN.identity("cache", "split"),
    shell:
        'rcn-bench data cache --config "$CONFIG" --split {wildcards.split} --shard {wildcards.shard}'
        " --workers {threads} > {log} 2>&1"


rule cache:
    input:
        PLAN.lists,
        shards=PLAN.shard_records,
    output:
        f"{ROOT}/cache/{{split}}.fingerprint",
    log:
        f"{ROOT}/logs/cache/{{split}}.log",
    benchmark:
        f"{ROOT}/benchmarks/cache/{{split}}.tsv"
    retries: 1
    conda:
        ENVIRONMENT
    resources:
        mem_mb=NEEDS.memory("cache"),
        runtime=NEEDS.runtime("cache"),
    params:
        identity=PLAN.identity("cache", "split"),
    shell:
        'rcn-bench data cache --config "$CONFIG" --split {wildcards.split} --workers {threads} > {log} 2>&1'
