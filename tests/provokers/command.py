"""Wrong arguments, and the end of any command."""

from pathlib import Path

from provokers.user import RUN, Met, User, provoker
from rcn_bench.cli import options


@provoker
def no_such_command(user: User) -> Met:
    return user.runs("trian").naming("trian")


@provoker
def unknown_option(user: User) -> Met:
    return user.runs("certify", "rcn18", "--frmes", "8").naming("--frmes")


@provoker
def missing_argument(user: User) -> Met:
    return user.runs("train", RUN).naming("--config")


@provoker
def argument_of_another_kind(user: User) -> Met:
    return user.runs("certify", "rcn18", "--frames", "eight").naming("--frames", "eight")


@provoker
def argument_out_of_range(user: User) -> Met:
    return user.runs("certify", "rcn18", "--frames", 0).naming("--frames", 0)


@provoker
def no_share(user: User) -> Met:
    return user.runs("data", "check", "--annotations", "a", "--root", "b", "--max-bad", "1.5").naming("--max-bad")


@provoker
def no_points(user: User) -> Met:
    return user.runs("plan", "--config", user.config({}), "--sd", "-1").naming("--sd", -1)


@provoker
def plan_for_scripts_without_gpus(user: User) -> Met:
    return user.runs("plan", "--config", user.config({}), "--json").naming("--gpus")


@provoker
def nothing_measured(user: User) -> Met:
    arguments = ("plan", "--config", user.config({}), "--gpus", 1, "--measured", user.folder)
    return user.runs(*arguments).naming(user.folder)


@provoker
def step_times_beside(user: User) -> Met:
    (folder := user.folder / "card").mkdir()
    (folder / "step_times.json").write_text("{}")
    arguments = ("plan", "--config", user.config({}), "--gpus", 1, "--measured", folder)
    return user.runs(*arguments).naming(folder, "step_times.json")


@provoker
def file_of_another_kind(user: User) -> Met:
    (file := user.folder / "scaling.json").write_text('{"2": {}}')
    arguments = ("plan", "--config", user.config({}), "--gpus", 1, "--measured", file)
    return user.runs(*arguments).naming(file, "rcn-bench estimate")


@provoker
def no_such_choice(user: User) -> Met:
    return user.runs("data", "cache", "--config", "own.yaml", "--split", "test").naming("--split", "test")


@provoker
def evaluation_of_what(user: User) -> Met:
    return user.runs("evaluate", "--weights", "model.safetensors").naming("--videos")


@provoker
def shard_and_verify(user: User) -> Met:
    config = user.config({})
    return user.runs("data", "cache", "--config", config, "--split", "val", "--shard", 0, "--verify").naming("--shard")


@provoker
def skip_without_verify(user: User) -> Met:
    config = user.config({})
    return user.runs("data", "cache", "--config", config, "--split", "val", "--skip-damaged").naming("--skip-damaged")


@provoker
def no_digits_here(user: User) -> Met:
    return user.runs("data", "make-digits", "--config", user.has_videos()).naming("data.digits")


@provoker
def list_onto_itself(user: User) -> Met:
    path = user.file("train.csv", "path,label\na.mp4,up\n")
    return user.runs("data", "convert", path, "--root", ".", "--output", path).naming(path)


@provoker
def videos_of_init(user: User) -> Met:
    return user.runs("init", "mine.yaml", "--train", "train.csv").naming("--val")


@provoker
def config_in_the_way(user: User) -> Met:
    return user.runs("init", user.config({}), "--videos", "videos").naming("own.yaml")


@provoker
def list_of_init_in_the_way(user: User) -> Met:
    user.file("videos/up/a.mp4")
    user.file("mine_val.csv")
    return user.runs("init", "mine.yaml", "--videos", "videos").naming("mine_val.csv")


@provoker
def list_elsewhere(user: User) -> Met:
    path = user.file("train.csv", "path,label\na.mp4,up\n")
    Path("videos").mkdir()
    return user.runs("init", "mine.yaml", "--train", path, "--val", path, "--videos", "videos").naming(
        "a.mp4", "videos"
    )


@provoker
def status_of_what(user: User) -> Met:
    return user.runs("status").naming("--config")


@provoker
def no_such_model_to_list(user: User) -> Met:
    return user.runs("models", "rnc*").naming("rnc*")


@provoker
def no_run_name(user: User) -> Met:
    return user.runs("train", "rcn18", "--config", user.config({})).naming("rcn18")


@provoker
def unknown_option_of_a_run(user: User) -> Met:
    return user.runs("train", "rcn18+half-t8-xh_random-s0", "--config", user.config({})).naming("+half")


@provoker
def unknown_stage(user: User) -> Met:
    return user.runs("depends", "training", "--config", user.config({})).naming("training")


@provoker
def stage_of_what(user: User) -> Met:
    return user.runs("depends", "table", "table9", "--config", user.config({})).naming("table9")


@provoker
def stage_of_all(user: User) -> Met:
    return user.runs("depends", "throughput", "rcn18", "--config", user.config({})).naming("rcn18")


@provoker
def interrupted(user: User) -> Met:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    user.monkeypatch.setattr(options, "load_experiment", interrupt)
    return user.runs("show", "--config", "own.yaml")


@provoker
def output_that_is_a_folder(user: User) -> Met:
    path = user.file("train.csv", "path,label\na.mp4,up\n")
    return user.runs("data", "convert", path, "--root", ".", "--output", ".").naming("--output")
