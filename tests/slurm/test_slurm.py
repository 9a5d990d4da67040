"""The workflow on a SLURM cluster of this machine, through Snakemake's executor and the profile that is shipped.

apt-get install slurm-wlm munge
pip install -e '.[dev,cluster]'
pytest -m soak tests/slurm
"""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from cluster import CPUS, GPUS, MEBIBYTES
from whole import differences

REPOSITORY = Path(__file__).parents[2]
TINY = yaml.safe_load((REPOSITORY / "tests" / "soak" / "tiny.yaml").read_text()) | {
    "models": {"rcn18": {"w_xh": ["random", "stills"], "w_hh": ["identity"]}},
    "figures": {"figure2": {"models": ["rcn18"], "frames": 4}},
    "profile": {
        **{"size": 32, "num_classes": 4, "memory_frames_per_batch": 8, "timing_frames_per_batch": 8, "seconds": 0.01},
    },
}
RUN = "rcn18-t4-xh_stills-hh_identity-s0"
WEIGHTS = f"results/soak/runs/{RUN}/model.safetensors"
SLURM = ["--profile", str(REPOSITORY / "workflows" / "profiles" / "slurm")]
SLURM += ["--slurm-init-seconds-before-status-checks", "2", "--max-threads", str(CPUS)]
HERE = ["--cores", "2"]
SECONDS = 900  # of any workflow here, at most

pytestmark = pytest.mark.soak


def command(folder, where, *targets, **changes):
    """A call of Snakemake for the smallest experiment, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(TINY | changes))
    call = [sys.executable, "-m", "snakemake", "-s", str(REPOSITORY / "Snakefile"), "--directory", str(folder)]
    return [*call, *where, "--configfile", str(config), "--", *targets]


def run(environment, *arguments, **changes):
    done = subprocess.run(
        command(*arguments, **changes), env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    return done.returncode, done.stdout + done.stderr


def jobs(environment, state="all"):
    """Of the cluster, as number, state, node and comment of the executor: rule_NAME_wildcards_VALUES."""
    asked = ["squeue", "--noheader", f"--states={state}", "--format=%i|%T|%N|%k|%D"]
    told = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    return [line.split("|") for line in told.stdout.splitlines()]


def wait_until(is_so, seconds=120):
    end = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < end, "nothing has come of it"
        time.sleep(0.1)
    return found


def test_the_whole_experiment_is_that_of_one_machine_with_a_job_a_shard_on_any_node(slurm, tmp_path):
    code, text = run(slurm, tmp_path / "here", HERE, "all")
    assert code == 0, text
    before = {job[0] for job in jobs(slurm)}
    code, text = run(slurm, tmp_path / "slurm", SLURM, "all")
    assert code == 0, text
    assert differences(tmp_path / "slurm" / "results" / "soak", tmp_path / "here" / "results" / "soak") == []
    own = [job for job in jobs(slurm) if job[0] not in before]
    assert {state for _, state, *_ in own} == {"COMPLETED"}
    comments = [comment for *_, comment, _ in own]
    shards = {job[0] for job in own if job[3].startswith("rule_shard_")}
    assert len(shards) == 3  # two of training, one of validation
    assert {node for _, _, node, *_ in own} == {"node1", "node2"}
    assert not [comment for comment in comments if "table" in comment or "figure" in comment]  # where Snakemake is
    assert "Nothing to be done" in run(slurm, tmp_path / "slurm", SLURM, "all")[1]


# Epochs of 24 steps, of which the one under way when the end of another is told will not be the last.
LONG = {
    "train": TINY["train"] | {"epochs": 4, "frames_per_batch": 8},
    "data": TINY["data"] | {"digits": TINY["data"]["digits"] | {"train_videos": 48}},
}
PREEMPT = ["sbatch", "--output=/dev/null", "--partition=urgent", "--nodes=2", "--exclusive", "--wrap=sleep 5"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "here"
    code, text = run(None, folder, HERE, WEIGHTS, **LONG)
    assert code == 0, text
    return folder


@pytest.mark.parametrize(
    "end",
    [lambda job: ["scancel", job], lambda job: ["scontrol", "requeue", job], lambda job: PREEMPT],
    ids=["cancelled and tried again", "put back into the queue", "preempted by a job of more priority"],
)
def test_a_training_that_slurm_ends_goes_on_from_its_last_step_to_the_same_bits(slurm, undisturbed, tmp_path, end):
    folder = tmp_path / "slurm"
    shutil.copytree(undisturbed, folder)
    for part in ("runs", "checkpoints"):
        shutil.rmtree(folder / "results" / "soak" / part)
    log = folder / "results" / "soak" / "logs" / "train" / f"{RUN}.log"
    log.unlink()
    training = subprocess.Popen(
        command(folder, SLURM, WEIGHTS, **LONG), env=slurm, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_until(lambda: log.is_file() and "epoch 2/" in log.read_text())
        (number,) = (job[0] for job in jobs(slurm, "running") if job[3].startswith("rule_train_"))
        first = log.open()  # the next start writes another
        subprocess.run(end(number), env=slurm, check=True)
        wait_until(lambda: "told to end" in first.read() or "resuming" in log.read_text())
        text, _ = training.communicate(timeout=SECONDS)
    finally:
        training.kill()
    assert training.returncode == 0, text
    assert "resuming after epoch" in log.read_text()
    assert "steps of epoch" in log.read_text()
    root, other = (each / "results" / "soak" / "runs" for each in (folder, undisturbed))
    assert differences(root, other) == []


@pytest.mark.parametrize(
    ("asked", "changes", "said"),
    [
        (["--set-resources", "train:mem_mb=99000"], {}, r"train: asks SLURM for .* 99000 MB"),
        (["--set-resources", "train:gpu=3"], {}, r"train: asks SLURM for .* 3 GPUs.* such as .* 2 GPUs"),
        (["--set-resources", "train:runtime=99999"], {}, r"train: asks SLURM for .* 99999 minutes"),
        (["--set-threads", "train=9", "--max-threads", "9"], {}, r"train: asks SLURM for 9 cores"),
        (["--default-resources", "slurm_partition=nowhere"], {}, r"slurm_partition: 'nowhere' is none of main, urgent"),
    ],
    ids=["memory", "GPUs", "time", "cores", "partition"],
)
def test_what_no_node_has_is_told_in_a_line_before_any_job(slurm, tmp_path, asked, changes, said):
    before = jobs(slurm)
    code, text = run(slurm, tmp_path / "own", [*SLURM, *asked], WEIGHTS, **changes)
    assert code == 1
    assert len(re.findall(rf".*{said}.*", text)) == 1, text
    assert jobs(slurm) == before
    assert not (tmp_path / "own" / "results" / "soak" / "runs").exists()


def test_processes_that_share_a_training_get_their_gpus_on_one_node(slurm, tmp_path):
    sharing = {"train": TINY["train"] | {"gpus": 2, "batch_norm": "synchronised"}}
    code, text = run(slurm, tmp_path / "slurm", SLURM, WEIGHTS, **sharing)
    assert code == 0, text
    (nodes,) = {job[4] for job in jobs(slurm) if job[3].startswith("rule_train_")}
    assert nodes == "1"


def test_the_gpus_that_slurm_gives_are_those_that_a_job_takes(slurm):
    """Two jobs of a node at a time; RCN_BENCH_GPUS stands for what nvidia-smi lists."""
    script = "from rcn_bench.gpus import taking_gpus; import time\nwith taking_gpus() as t: print(*t); time.sleep(3)"
    call = ["srun", "--nodelist=node1", "--gpus=1", "--ntasks=1", "--mem=100", sys.executable, "-c", script]
    environment = slurm | {"RCN_BENCH_GPUS": "first,second"}
    both = [subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(each.communicate(timeout=60)[0].strip() for each in both) == ["first", "second"]


def test_the_cluster_is_what_the_tests_think(slurm):
    asked = ["sinfo", "--noheader", "--Node", "--format=%c %m %G"]
    told = subprocess.run(asked, env=slurm, capture_output=True, text=True)
    assert set(told.stdout.splitlines()) == {f"{CPUS} {MEBIBYTES} gpu:{len(GPUS)}"}
