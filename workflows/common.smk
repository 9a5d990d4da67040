# The config, and what the rules share: paths, hashes of sources, inputs.
import hashlib
import re
import subprocess
import sys
from functools import cache
from math import ceil
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

from rcn_bench import experiment
from rcn_bench.config import (
    check_config,
    config_hash,
    pretraining_settings,
    training_settings,
)
from rcn_bench.data.annotations import read_annotations
from rcn_bench.errors import InputError
from rcn_bench.files import write_text
from rcn_bench.layout import Layout

# Snakemake would merge --configfile into a default config, and so mix two experiments.
if not workflow.configfiles:

    configfile: "config/mini.yaml"


try:
    check_config(config, " + ".join(str(path) for path in workflow.configfiles))
except InputError as error:
    raise WorkflowError(str(error)) from None

# The commands of this environment are found even where it is not activated; idle threads leave a shared core alone.
shell.prefix(
    f"export PATH='{Path(sys.executable).parent}':\"$PATH\" OMP_WAIT_POLICY=passive; "
)

LAYOUT = Layout.of(config)
ROOT = str(LAYOUT.root)
RESOLVED = f"{ROOT}/config.yaml"
ENVIRONMENT = "../environment.yml"


def check_experiment():
    """Stop before the first job for what would stop a later one. A process of its own: it loads torch."""
    command = [sys.executable, "-m", "rcn_bench.cli", "check", "--config", RESOLVED]
    checked = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if checked.returncode:
        raise WorkflowError(checked.stderr.strip())


onstart:
    # The config with everything given by --config: what every job reads, and what repeats a job by hand.
    write_text(Path(RESOLVED), yaml.safe_dump(config, sort_keys=False))
    check_experiment()


def source_hash(*places):
    """Changes when a source file of the package below these places does: what depends on it is then made anew."""
    root = Path(workflow.basedir) / "rcn_bench"
    plugins = [
        Path(*name.split(".")).with_suffix(".py") for name in config.get("plugins", [])
    ]
    files = sorted(file for place in places for file in root.glob(place))
    files += [file for file in plugins if "models/*.py" in places and file.is_file()]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[
        :12
    ]


TABLES = [
    "table1_init",
    "table2_architectures",
    "table3_clip_length",
    "table4_cost",
    "table5_causality",
    "table6_memory",
]
FIGURES = ["figure1", "figure2", "figure3", "online_accuracy"]
MODEL_CODE = [
    "ops/*.py",
    "models/*.py",
    "engine/build.py",
    "engine/device.py",
    "experiment.py",
]
CLIP_CODE = [
    "data/cache.py",
    "data/shard.py",
    "data/clips.py",
    "data/transforms.py",
]
CACHE_CODE = [
    "data/building.py",
    "data/check.py",
    "data/shard.py",
    "data/source.py",
    "data/stock.py",
    "data/video.py",
    "data/annotations.py",
]
COST_CODE = [
    "analysis/profile.py",
    "analysis/cost.py",
    "analysis/memory.py",
    "engine/cuda_graph.py",
    "engine/live.py",
]
STEP_CODE = [
    "engine/optimisation.py",
    "engine/training_step.py",
    "engine/cuda_graph.py",
]
TRAINING_CODE = [
    *MODEL_CODE,
    *CLIP_CODE,
    *STEP_CODE,
    "data/batches.py",
    "engine/train.py",
    "engine/checkpoint.py",
]


wildcard_constraints:
    split="train|val",
    shard="[0-9]+",
    network="|".join(experiment.pretrained_networks(config)) or "none",
    run="|".join(re.escape(run.name) for run in experiment.all_runs(config)),
    model="|".join(experiment.profiled_clips(config)),


def source_videos(wildcards):
    """The CSV of a split and, for its labels, that of training; and the embedded data set's videos.

    A user's own folder of videos is no input: if it were gone, Snakemake would delete the cache made of it. A CSV that
    is not there is left out, so that -n still plans; the command then says what to do.
    """
    lists = [LAYOUT.annotations(config, split) for split in {wildcards.split, "train"}]
    if "digits" in config["data"]:
        return [*lists, LAYOUT.videos(config)]
    return sorted(path for path in lists if path.is_file())


def shard_count(split):
    """A list that is not there yet is planned as one shard."""
    annotations = LAYOUT.annotations(config, split)
    if "digits" in config["data"]:
        videos = config["data"]["digits"][f"{split}_videos"]
    elif annotations.exists():
        videos = len(read_annotations(annotations, LAYOUT.videos(config)))
    else:
        videos = 1
    return ceil(videos / experiment.shard_videos(config))


try:
    SHARDS = {split: shard_count(split) for split in ("train", "val")}
except InputError as error:
    raise WorkflowError(str(error)) from None


def shard_records(wildcards):
    split = wildcards.split
    return [LAYOUT.shard_record(split, number) for number in range(SHARDS[split])]


def cache_config(wildcards):
    """The hash of all that a cache depends on; how many videos may be bad only decides whether there is one."""
    return config_hash({**config["data"], "max_bad": None})


def class_folders(wildcards):
    """A hash of the names of all files, where a split is a folder of class folders, which is no input either."""
    lists = [LAYOUT.annotations(config, split) for split in {wildcards.split, "train"}]
    return config_hash([names_hash(path) for path in sorted(lists) if path.is_dir()])


@cache
def names_hash(folder):
    return config_hash(sorted(str(file) for file in folder.rglob("*")))


def training_config(wildcards):
    """The hash of all that a run's weights depend on."""
    return config_hash(training_settings(config, experiment.Run.parse(wildcards.run)))


def profile_config(wildcards):
    """The hash of all that a model's profile depends on."""
    return config_hash(
        [
            config["profile"],
            experiment.profiled_clips(config)[wildcards.model],
            config["train"]["activation_checkpointing"],
        ]
    )


def training_inputs(wildcards):
    run = experiment.Run.parse(wildcards.run)
    weights = (
        [LAYOUT.pretrained(experiment.base_network(run.model))]
        if run.w_xh == "stills"
        else []
    )
    return [LAYOUT.fingerprint("train"), *weights]


def longest_first(wildcards):
    """So that none of the long runs is left for the end, alone on its core."""
    return experiment.Run.parse(wildcards.run).frames


def evaluations(rows):
    return [LAYOUT.evaluation(run) for runs in rows.values() for run in runs]


def table_inputs(wildcards):
    table1_network = experiment.base_network(config["tables"]["table1"]["model"])
    stills = (
        [LAYOUT.pretrained(table1_network).with_suffix(".json")]
        if config["pretrained"] == "stills"
        else []
    )
    profiles = [LAYOUT.profile(model) for model in experiment.profiled_clips(config)]
    costs = [*profiles, LAYOUT.throughput]
    return {
        "table1_init": evaluations(experiment.table1_rows(config)) + stills,
        "table2_architectures": evaluations(experiment.table2_rows(config)) + profiles,
        "table3_clip_length": evaluations(experiment.table3_rows(config)) + costs,
        "table4_cost": costs,
        "table5_causality": [LAYOUT.causality],
        "table6_memory": profiles,
    }[wildcards.table]


def figure_inputs(wildcards):
    if wildcards.figure == "online_accuracy":
        online = experiment.online_runs(config).values()
        return [LAYOUT.online(run) for runs in online for run in runs]
    runs = {
        "figure1": experiment.figure1_panels(config).values(),
        "figure2": experiment.figure2_panels(config).values(),
        "figure3": [experiment.figure3_run(config)],
    }[wildcards.figure]
    return [LAYOUT.weights(run) for run in runs]
