# The plan of the experiment, which every rule asks (rcn_bench/plan/workflow.py), and what jobs need (analysis/needs.py).
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from rcn_bench.analysis.needs import Needs
from rcn_bench.errors import InputError
from rcn_bench.plan.slurm import asked_of_slurm, require_room
from rcn_bench.plan.workflow import Workflow

min_version("9.0")

ENVIRONMENT = "../environment.yml"
IS_MODULE = workflow.modifier.base_snakefile is not None  # of another workflow


def planned():
    try:
        if IS_MODULE:
            return Workflow(workflow.configfiles or ["config"], content=config)
        # Given files stand in the place of the default one: merged with it, two experiments would mix.
        given = workflow.config_settings.configfiles
        default = Path(workflow.current_basedir).parent / "config" / "mini.yaml"
        return Workflow(given or [default], workflow.config_settings.config)
    except InputError as error:
        raise WorkflowError(str(error)) from None


PLAN = planned()
NEEDS = Needs(PLAN.experiment, PLAN.videos)
ROOT = PLAN.root
if IS_MODULE:
    PLAN.write_config()  # the other workflow's onstart need not call ours
config.update(PLAN.experiment.config)  # for the captions of a report

shell.prefix(PLAN.shell_prefix)


onstart:
    try:
        jobs = list(workflow.dag.needrun_jobs())
        if getattr(workflow.executor_plugin, "name", None) == "slurm":
            require_room(asked_of_slurm(job) for job in jobs if not job.is_local)
        PLAN.start(
            makes={str(file) for job in jobs for file in job.output},
            reads={str(file) for job in jobs for file in job.input},
        )
    except InputError as error:
        raise WorkflowError(str(error)) from None


wildcard_constraints:
    split="train|val",
    shard="[0-9]+",
    network=PLAN.networks,
    run="[^/]+",  # PLAN.of_training refuses others: a pattern of thousands of names is slow at every file
    model=PLAN.models,
    table=PLAN.name_pattern("table"),
    figure=PLAN.name_pattern("figure"),
