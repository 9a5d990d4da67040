# The embedded data set, and the cache that all runs share.


if "digits" in config["data"]:

    rule make_digits:
        output:
            directory(f"{ROOT}/data/videos"),
            expand(f"{ROOT}/data/annotations/{{split}}.csv", split=["train", "val"]),
            f"{ROOT}/data/stills.npz",
        log:
            f"{ROOT}/logs/make_digits.log",
        benchmark:
            f"{ROOT}/benchmarks/make_digits.tsv"
        conda:
            ENVIRONMENT
        params:
            resolved=RESOLVED,
            config=config_hash(config["data"]["digits"]),
            code=source_hash("data/digits.py", "data/video.py"),
        shell:
            "rcn-bench data make-digits --config {params.resolved} > {log} 2>&1"


rule shard:
    # Its output only names the shard, which lies beside it and is kept as long as its videos and settings are the same.
    input:
        source_videos,
    output:
        f"{ROOT}/cache/{{split}}/{{shard}}.json",
    log:
        f"{ROOT}/logs/cache/{{split}}/{{shard}}.log",
    benchmark:
        f"{ROOT}/benchmarks/cache/{{split}}/{{shard}}.tsv"
    conda:
        ENVIRONMENT
    threads: 1 if "digits" in config["data"] else 4
    params:
        resolved=RESOLVED,
        config=cache_config,
        class_folders=class_folders,
        code=source_hash(*CACHE_CODE),
    shell:
        "rcn-bench data cache --config {params.resolved} --split {wildcards.split} --shard {wildcards.shard}"
        " --workers {threads} > {log} 2>&1"


rule cache:
    input:
        source_videos,
        shards=shard_records,
    output:
        f"{ROOT}/cache/{{split}}.fingerprint",
    log:
        f"{ROOT}/logs/cache/{{split}}.log",
    benchmark:
        f"{ROOT}/benchmarks/cache/{{split}}.tsv"
    conda:
        ENVIRONMENT
    params:
        resolved=RESOLVED,
        config=cache_config,
        class_folders=class_folders,
        code=source_hash(*CACHE_CODE, "data/cache.py"),
    shell:
        "rcn-bench data cache --config {params.resolved} --split {wildcards.split} --workers {threads}"
        " > {log} 2>&1"
