"""Whole tables and figures, made from results in which one record has odd values and a checksum that is right."""

from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from table_results import write_online_run, write_results

from fuzz.damage import Reader
from fuzz.mutate import other_leaves
from fuzz.records import other_record
from rcn_bench.plan.config import check_config, merged
from rcn_bench.plan.products import find_product
from rcn_bench.records.found import record_path
from rcn_bench.reporting.write import write_product

# The stages whose records each is made from.
PRODUCTS = {
    "table1_init": ("evaluate", "train", "pretrain"),
    "table2_architectures": ("evaluate", "profile"),
    "table3_clip_length": ("evaluate",),
    "table4_cost": ("profile", "throughput"),
    "table5_causality": ("causality",),
    "online_accuracy": ("online",),
}


def made(folder: Path, name: str, stage: str) -> Reader:
    """A table or figure, by its numbers and what its reader sees; its file is one of the records of the stage."""
    config = merged(["config/mini.yaml"])
    config["figures"]["online_accuracy"] = {"rcn18": [8]}
    kind = "table" if "table" in name else "figure"
    sections = {f"{one}s": config[f"{one}s"] if one == kind else {} for one in ("table", "figure")}
    experiment = check_config(config | sections, "mini", folder)
    write_results(experiment)
    write_online_run(experiment, "rcn18", 0, carried=["0101010101"] * 4, restarted=["1111111111"] * 4)
    product = find_product(experiment, name, kind)
    targets = {"train": product.runs, "evaluate": product.runs, "online": product.runs, "profile": product.profiled}
    first = next(iter(targets[stage]()), "") if stage in targets else ""
    of = "resnet18" if stage == "pretrain" else getattr(first, "name", first)
    path = record_path(experiment.paths, stage, of)
    folder_of_products = getattr(experiment.paths, kind)(name).parent

    def read() -> Any:
        write_product(experiment, kind, name)
        return [path.read_bytes() for path in folder_of_products.glob(f"{name}.*") if path.suffix in (".csv", ".md")]

    share = 10 if kind == "table" else 4  # each is drawn
    return Reader(
        f"{name} from {path.name}", (path.read_bytes(),), path, read, _remake, share=share, also=path.parent.name
    )


def _remake(example: bytes, rng: Random) -> bytes:
    return other_record(example, rng) if rng.random() < 0.2 else other_record(example, rng, _of_the_same_types)


def _of_the_same_types(plain: dict[str, Any], rng: Random) -> dict[str, Any]:
    """Other values, but for the origin, which would be refused first."""
    return other_leaves(plain, rng) | {"origin": plain["origin"]}


READERS = {
    f"{name} of {stage}": partial(made, name=name, stage=stage) for name, stages in PRODUCTS.items() for stage in stages
}
