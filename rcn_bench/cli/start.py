"""Commands to start with: doctor."""

from pathlib import Path

from rcn_bench.cli.options import Commands, Options, add_command, add_examples


def add_commands(commands: Commands) -> None:
    text = "what this machine can run: packages, GPUs, memory, disk, video codecs; and what to do about what is missing"
    doctor = add_command(commands, "doctor", _doctor, text)
    doctor.description = f"{doctor.description} The exit code is 1 if something is missing that is required."
    doctor.add_argument("--network", action="store_true", help="also try whether ImageNet weights can be downloaded")
    doctor.add_argument(
        "--results", default=Path("results"), type=Path, help="where results are to lie (default: results)"
    )
    add_examples(doctor, "", "--network --results /data/results")


def _doctor(options: Options) -> int:
    from rcn_bench.doctor import examine

    missing = 0
    for finding in examine(options.results, network=options.network):
        print(finding, flush=True)
        missing += finding.verdict == "missing"
    return 1 if missing else 0
