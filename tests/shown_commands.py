"""The commands that the documentation shows: those that tests/test_commands_shown.py types, in this order, and those
that it does not, with the reason."""

RUN = "rcn18-t8-xh_stills-hh_identity-s0"
FILE = "config/mini.yaml"
# What stands for something in a command that is shown.
PLACEHOLDERS = {
    "RUN RUN ...": f"{RUN} rcn18-t8-xh_random-hh_identity-s0",
    "RUN": RUN,
    "FILE": FILE,
    "CONFIG": FILE,
    "VIDEO": "videos/up/0.mp4",
    "VIDEOS": "videos",
    "FOLDER": "videos",
    "LIST": "train.csv",
    "NETWORK": "resnet18",
    "COMMAND": "train",
    "NAME": "val",
}
# The command that is meant, where a text names a part of it or stands for it.
MEANT = {
    "rcn-bench train RUN RUN ...": "rcn-bench train RUN RUN ... --config FILE",
    "rcn-bench train RUN --recompute-activations": "rcn-bench train RUN --recompute-activations --config FILE",
    "rcn-bench lifetime RUN": "rcn-bench lifetime RUN --config FILE",
    "rcn-bench data cache --verify": "rcn-bench data cache --verify --config FILE --split val",
    "rcn-bench data cache --split NAME": "rcn-bench data cache --config CONFIG --split train",
    "rcn-bench data cache": "rcn-bench data cache --config CONFIG --split train",
    "rcn-bench data make-digits": "rcn-bench data make-digits --config FILE",
    "rcn-bench init mine.yaml --train LIST --val LIST --videos FOLDER": (
        "rcn-bench init mine.yaml --train train.csv --val val.csv --videos videos --models rcn18 i3d18 c2d18"
    ),
    "rcn-bench check": "rcn-bench check --config FILE",
    "rcn-bench check --defaults --config FILE": "rcn-bench check --config FILE --defaults",
    "rcn-bench depends STAGE [TARGET] --config FILE": "rcn-bench depends train RUN --config FILE",
    "rcn-bench profile": "rcn-bench profile rcn18 --config results/mini/config.yaml",
    "rcn-bench status --config FILE": "rcn-bench status --config config/smoke.yaml",
    "rcn-bench pretrain NETWORK": "rcn-bench pretrain NETWORK --config FILE",
    "rcn-bench train RUN": f"rcn-bench train {RUN} --config results/mini/config.yaml",
    "rcn-bench evaluate RUN": f"rcn-bench evaluate {RUN} --config results/mini/config.yaml",
    "rcn-bench league --config FILE": "rcn-bench league --config config/smoke.yaml",
    "rcn-bench table league --config FILE": "rcn-bench table league --config config/smoke.yaml",
    "rcn-bench figure accuracy_by_latency --config FILE": (
        "rcn-bench figure accuracy_by_latency --config config/smoke.yaml"
    ),
    "rcn-bench online": "rcn-bench online RUN --config FILE",
    "rcn-bench stream": "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --top 5",
    "rcn-bench export": "rcn-bench export RUN --config FILE --format onnx --output step.onnx",
    "rcn-bench stream --restart 0": (
        "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --restart 0"
    ),
    "rcn-bench table table1_init": "rcn-bench table table1_init --config results/mini/config.yaml",
    "rcn-bench table NAME": "rcn-bench table table1_init --config results/mini/config.yaml",
    "rcn-bench table claims": "rcn-bench table claims --config FILE",
    "rcn-bench figure NAME": "rcn-bench figure figure1 --config results/mini/config.yaml",
    "rcn-bench figure NAME --config FILE": "rcn-bench figure figure1 --config results/mini/config.yaml",
    "rcn-bench verify": "rcn-bench verify results/mini",
    "rcn-bench verify FOLDER": "rcn-bench verify results/mini",
    "rcn-bench why TABLE --row R --column C --config FILE": (
        'rcn-bench why table1_init --row "stills identity" --column "video acc %" --config config/mini.yaml'
    ),
    "rcn-bench keep FOLDER DESTINATION": "rcn-bench keep results/mini kept",
    "rcn-bench crate FOLDER --output FILE --licence NAME": (
        "rcn-bench crate results/mini --output mini.zip --licence MIT"
    ),
    "rcn-bench compare A B": "rcn-bench compare results/mini results/reference/mini",
    "rcn-bench compare FIRST SECOND": "rcn-bench compare results/mini results/reference/mini",
    "rcn-bench report": "rcn-bench report results/mini results/reference/mini --output report.html",
    "rcn-bench report FOLDER": "rcn-bench report results/mini results/reference/mini --output report.html",
    "rcn-bench report FOLDER ...": "rcn-bench report results/mini results/reference/mini --output report.html",
    "rcn-bench estimate": "rcn-bench estimate --config config/kinetics.yaml",
    "rcn-bench bench": "rcn-bench bench --compare",
    "rcn-bench train RUN --config FILE": f"rcn-bench train {RUN} --config results/mini/config.yaml",
    "snakemake -n": "snakemake -n --configfile config/kinetics.yaml",
    "snakemake ... all_figures": "snakemake --cores 4 all",
    "snakemake --profile workflows/profiles/slurm": (
        "snakemake --profile workflows/profiles/slurm --configfile config/kinetics.yaml -- all"
    ),
}
SMOKE_RUN = f"results/smoke/runs/{RUN}/model.safetensors"
OWN_RUN = "results/practice/runs/rcn_regnet-t8-xh_random-hh_identity-s0/model.safetensors"
TYPED = [
    # The tutorial, in its order.
    "make all CONFIG=config/smoke.yaml",
    ". .venv/bin/activate",
    "rcn-bench status --config config/smoke.yaml",
    "cp -r results/reference/mini results/seeds",
    "rcn-bench show --config config/seeds.yaml",
    "rcn-bench figure figure1 --config config/seeds.yaml",
    'rcn-bench why table1_init --row "stills identity" --column "video acc %" --config config/smoke.yaml',
    "rcn-bench verify results/smoke",
    f"rcn-bench depends train {RUN} --config config/smoke.yaml",
    "snakemake -n --configfile config/smoke.yaml clips.yaml -- all_tables",
    "make report CONFIG=config/smoke.yaml",
    'make report FOLDERS="results/smoke results/reference/standard"',
    "rcn-bench init practice.yaml --videos results/smoke/data/videos --models rcn18 rcn_regnet --plugin my_models",
    "rcn-bench check --config practice.yaml",
    "snakemake --cores 2 --configfile practice.yaml few.yaml -- all_tables",
    "rcn-bench show --config practice.yaml few.yaml",
    f"rcn-bench evaluate --weights {OWN_RUN} --videos results/smoke/data/videos/val",
    'rcn-bench stream "results/smoke/data/videos/val/digit 1 up/val00000a_000000_000003.mp4"'
    f" --weights {SMOKE_RUN} --top 2",
    f"rcn-bench online {RUN} --config config/smoke.yaml",
    "rcn-bench figure online_accuracy --config config/smoke.yaml",
    "snakemake --cores 2 --configfile config/smoke.yaml -- all",
    # All others.
    "rcn-bench --help",
    "rcn-bench COMMAND --help",
    "rcn-bench data make-digits --config FILE",
    "rcn-bench data cache --config CONFIG --split train",
    "make all_tables",
    "make all",
    "make report",
    "snakemake --cores 4 all_tables",
    "snakemake --cores 4 all",
    "snakemake --cores 16 --resources gpu=1 -- all",
    "snakemake -n --configfile config/kinetics.yaml",
    "snakemake -n --profile workflows/profiles/slurm --configfile config/kinetics.yaml -- all",
    # Plans, which start nothing.
    "rcn-bench plan --config config/mini.yaml --gpus 0 --cores 2",
    "rcn-bench plan --config config/kinetics.yaml --gpus 8 --train-videos 240000 --val-videos 20000",
    "rcn-bench plan --config config/standard.yaml --gpus 8 --measured results/reference/standard",
    *(
        f"rcn-bench plan --config config/kinetics.yaml --gpus {gpus} --measured results/reference/"
        "nvidia_h100_80gb_hbm3/step_times.json --train-videos 240000 --val-videos 20000"
        for gpus in (8, 32)
    ),
    "rcn-bench plan --config config/kinetics_8gpus.yaml --gpus 8 --measured results/reference/nvidia_h200/"
    "step_times.json --train-videos 240000 --val-videos 20000",
    "rcn-bench show --config config/mini.yaml",
    "rcn-bench status --config FILE --watch 10",
    "rcn-bench depends train RUN --config FILE",
    "rcn-bench check --config FILE",
    "rcn-bench check --config FILE --defaults",
    "rcn-bench init mine.yaml --train train.csv --val val.csv --videos videos --models rcn18 i3d18 c2d18",
    "rcn-bench check --config mine.yaml",
    "rcn-bench data check --annotations train.csv --root videos --max-bad 1%",
    "rcn-bench data cache --verify --config FILE --split val",
    "rcn-bench plan --config FILE",
    "rcn-bench verify results/mini",
    'rcn-bench why table1_init --row "stills identity" --column "video acc %" --config config/mini.yaml',
    "rcn-bench verify results/reference/mini",
    "rcn-bench verify results/reference/standard",
    "rcn-bench keep results/mini kept",
    "rcn-bench crate results/mini --output mini.zip --licence MIT",
    "rcn-bench report results/mini results/reference/mini --output report.html",
    # What follows makes one run anew, by which results of before no longer hold.
    f"rcn-bench train {RUN} --config results/mini/config.yaml",
    f"rcn-bench evaluate {RUN} --config results/mini/config.yaml",
    "rcn-bench profile rcn18 --config results/mini/config.yaml",
    "rcn-bench throughput --config results/mini/config.yaml",
    "rcn-bench table table1_init --config results/mini/config.yaml",
    "rcn-bench table table1_init --config FILE --partial",
    f"rcn-bench w-hh {RUN} --config results/mini/config.yaml",
    "rcn-bench figure figure1 --config results/mini/config.yaml",
    "rcn-bench table claims --config FILE",
    "rcn-bench league --config config/smoke.yaml",
    "rcn-bench table league --config config/smoke.yaml",
    "rcn-bench figure accuracy_by_latency --config config/smoke.yaml",
    "rcn-bench models",
    "rcn-bench certify rcn18 i3d18",
    "rcn-bench certify rcn18 i3d18_causal i3d18 c2d18",
    "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --top 5",
    "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --restart 0",
    "rcn-bench stream VIDEO --weights results/mini/runs/RUN/model.safetensors --strip strip.png",
    "rcn-bench export RUN --config FILE --format onnx --output step.onnx",
    "rcn-bench export RUN --config FILE --format onnx --int8 --output step.onnx",
    "rcn-bench export RUN --config FILE --format aoti --output step.pt2",
    "rcn-bench export rcn18 --format onnx",
    "rcn-bench stream VIDEO --model step.onnx",
    "rcn-bench evaluate --weights results/mini/runs/RUN/model.safetensors --videos FOLDER",
    "rcn-bench online RUN --config FILE",
    "rcn-bench lifetime RUN --config FILE",
    "rcn-bench doctor",
    "rcn-bench data convert LIST --root VIDEOS --output our.csv",
    "rcn-bench pretrain NETWORK --config FILE",
    "rcn-bench train RUN RUN ... --config FILE",
    "rcn-bench train RUN --recompute-activations --config FILE",
]
LEAGUE_RUN = "results/league_mini/runs/rcn18-t8-xh_random-hh_identity-s0/model.safetensors"
KINETICS = "needs the videos of Kinetics"
GPUS = "needs several GPUs; tests/test_gpus.py places jobs on ids that stand for some"
TIMING = "minutes of timing on an idle machine"
FETCHES = "it fetches packages"
NOT_TYPED = {
    ".ci/run": "it calls this suite",
    "make lint": ".ci/run calls it",
    "git clone ADDRESS rcn_bench && cd rcn_bench": "this suite stands in a clone",
    "make test": ".ci/run calls it: it is this suite",
    "pytest": "it is this suite",
    "pytest --benchmark-only": ".ci/run calls it",
    "make docs": ".ci/run calls it",
    "pip install -e .[dev,live]": f".ci/run calls it, by make; {FETCHES}",
    "pip install -c constraints.txt -e .": FETCHES,
    "pip install -c constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu -e .": FETCHES,
    "pip install '.[tensorboard]'": FETCHES,
    "pip install '.[live]'": FETCHES,
    "pip install -c constraints.txt -e '.[cluster]'": FETCHES,
    "snakemake --profile workflows/profiles/slurm --configfile config/kinetics.yaml -- all": (
        "needs SLURM; tests/slurm has one, for a smaller config"
    ),
    "apt-get install slurm-wlm munge": "it is the machine's owner's to install SLURM",
    "pytest -m soak tests/slurm": "needs SLURM, and takes many minutes",
    "pip install jupyterlab": FETCHES,
    "rcn-bench tensorboard results/mini --output logs": "needs that package; tests/page/test_events.py",
    "conda env create -f environment.yml": "needs conda; tests/test_environment.py looks at the file",
    "make all_claims CONFIG=config/seeds.yaml": "half an hour of training, whose results are in results/reference/mini",
    "snakemake --cores 4 --configfile config/mini.yaml more.yaml -- all_tables": (
        "trains three seeds; tests/plan/test_workflow.py plans a second config file"
    ),
    "snakemake --cores 4 --configfile mine.yaml -- all_tables": (
        "minutes of training at full size; tests/cli/test_init_command.py carries it out at a small one"
    ),
    "rcn-bench compare results/mini results/reference/mini": (
        "compares on the same videos, which take minutes of training; tests/reporting/test_compare.py has it"
    ),
    "rcn-bench bench --compare": f"{TIMING}; tests/reporting/test_benchmarks.py",
    f"snakemake --cores 2 --configfile config/league_mini.yaml -- {LEAGUE_RUN}": "minutes of training",
    'rcn-bench stream "results/league_mini/data/videos/val/digit 1 up/val00000a_000000_000004.mp4" '
    f"--weights {LEAGUE_RUN} --strip docs/strip.png": "its run is trained by the command above",
    "snakemake --cores 64 --resources gpu=4 -- all": GPUS,
    "snakemake --cores 64 --resources gpu=8 -- all": GPUS,
    "RCN_BENCH_GPU_SHARE=3 snakemake --cores 64 --resources gpu=12 -- all": GPUS,
    "torchrun --nnodes 2 --nproc-per-node 2 --rdzv-backend c10d --rdzv-endpoint HOST:29400 --rdzv-id RUN "
    "-m rcn_bench.cli train RUN --config FILE": "needs two machines; tests/engine/test_dying_processes.py has them",
    "PYTHONPATH=.:tests python tests/benchmarks/scaling/run.py --processes 2 --output FILE": (
        "minutes on several GPUs; tests/test_scaling.py tries it out on a CPU"
    ),
    "PYTHONPATH=.:tests python tests/benchmarks/scaling/draw.py FILE": "tests/test_scaling.py draws what it measured",
    "pytest --benchmark-only tests/benchmarks/test_planning_speed.py": ".ci/run calls all of them",
    "rcn-bench check --config config/kinetics.yaml": KINETICS,
    "rcn-bench estimate --config config/kinetics.yaml": f"{KINETICS} and a GPU, or hours",
    "rcn-bench estimate --config config/kinetics.yaml --train-videos 240000 --val-videos 20000": "a GPU, or hours",
    "rcn-bench train RUN --config config/kinetics.yaml": KINETICS,
    "rcn-bench data cache --config config/kinetics.yaml --split val": KINETICS,
    "rcn-bench calibrate r3d_18 --config config/kinetics.yaml": f"{KINETICS}, and a download of weights",
    "rcn-bench calibrate rcn50 --weights-file FILE": f"{KINETICS}, and the checkpoint of the paper's authors",
    "rcn-bench bench --kept": "tests/reporting/test_benchmarks.py",
    "rcn-bench bench --all --compare": TIMING,
    "rcn-bench bench --all -k in_turns": TIMING,
    "PYTHONPATH=. python tests/benchmarks/chunked_scan.py": "needs a GPU",
    "pytest --benchmark-only tests/benchmarks/test_data_speed.py": TIMING,
    "pytest --benchmark-only tests/benchmarks/test_scan.py": TIMING,
    "pytest --benchmark-only tests/benchmarks/test_step_speed.py": ".ci/run calls all of them",
    "python tests/benchmarks/many_videos.py FOLDER 200 2000": TIMING,
    "python tests/benchmarks/repeated_training.py": "minutes on a GPU",
    "python tests/benchmarks/packed_trainings.py --output FILE": "minutes on a GPU",
    "python tests/coverage_of_intervals.py": "minutes; tests/test_intervals.py looks at fewer repeats",
    "python tests/config_page.py": "writes docs/config.md; tests/test_config_page.py holds the page to it",
    "python tests/soak/soak.py FOLDER --kills 50 --seed 0": "hours; tests/soak/test_soak.py sends three kills",
    "pytest -m soak tests/soak": "it is this suite's slowest part",
    "PYTHONPATH=tests python tests/fuzz/run.py": "hours; tests/fuzz/test_damaged_files.py has a part of it",
    "PYTHONPATH=.:tests python tests/sheet.py": "tests/data/test_sheet.py holds the page to it",
    "python tests/soak/growth.py": "minutes of watching memory",
    "python tests/soak/live.py --gst": "ten minutes beside a server of GStreamer's; tests/soak/test_live_soak.py",
    "ffmpeg -i ADDRESS -c copy -f mpegts - | rcn-bench stream - --weights results/mini/runs/RUN/model.safetensors": (
        "it needs that program and a source; tests/engine/test_live_sources.py reads pipes"
    ),
    "rcn-bench table my_seeds --config own.yaml": "tests/test_extending.py makes it, by Snakemake",
    "snakemake --cores 16 --configfile FILE -- results/NAME/cache/train/000{00..39}.json": (
        "for a list of 20,000 videos; tests/soak/test_two_hosts.py has two machines share a cache"
    ),
    "git diff": "of the commits that `verify` names",
    "python -m http.server --directory build/docs": "serves until it is stopped",
}
