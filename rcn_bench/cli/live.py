"""The command on live video: stream."""

from pathlib import Path

from rcn_bench.cli.options import Commands, Options, add_command, not_negative, positive


def add_commands(commands: Commands) -> None:
    stream = add_command(commands, "stream", _stream, "predictions on a video as its frames arrive")
    stream.add_argument("video", help="a file, or the number of a camera")
    stream.add_argument("--weights", required=True, type=Path, help="a trained run's model.safetensors")
    stream.add_argument("--top", type=positive, default=5, help="how many labels to print (default 5)")
    stream.add_argument("--last", type=positive, help="average over this many frames (default: all so far)")
    stream.add_argument(
        "--restart",
        type=not_negative,
        metavar="FRAMES",
        help="start the state anew after so many frames, 0 for never (default: those of a clip in training)",
    )


def _stream(options: Options) -> None:
    from rcn_bench.engine.live.stream import stream

    stream(options.video, options.weights, options.top, options.last, options.restart)
