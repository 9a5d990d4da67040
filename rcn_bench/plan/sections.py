"""Every key of a config but those of tables and figures: its type, its bounds, its default and what it means."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from rcn_bench.plan.schema import Limits, key

Count = Annotated[int, Limits(minimum=1)]
Whole = Annotated[int, Limits(minimum=0)]
Seeds = Annotated[list[Whole], Limits(minItems=1, uniqueItems=True)]
MOST_PROCESSES, LARGEST_SIDE = 1024, 8192  # that a machine starts, threads included; of a frame, in pixels
Threads = Annotated[int, Limits(minimum=1, maximum=MOST_PROCESSES)]
LearningRate = Annotated[float, Limits(exclusiveMinimum=0, maximum=1000)]
WeightDecay = Annotated[float, Limits(minimum=0, maximum=1000)]
FrameRate = Annotated[float, Limits(exclusiveMinimum=0, maximum=1000)]
Scale = Annotated[float, Limits(minimum=0.1, maximum=10)]
Share = Annotated[float, Limits(minimum=0, maximum=1)]
ShareBelowOne = Annotated[float, Limits(minimum=0, exclusiveMaximum=1)]
Momentum = ShareBelowOne
Even = Limits(minimum=4, maximum=10**6, multipleOf=2)
Recomputing = Literal[False, True, "norms"]
Processes = Annotated[int, Limits(minimum=1, maximum=MOST_PROCESSES)]
Speed = Annotated[float, Limits(exclusiveMinimum=0, maximum=1)]


@dataclass(frozen=True)
class Annotations:
    """A list of videos for each split; docs/data.md shows the formats."""

    train: str = key()
    val: str = key()


# What stills of glyphs show. No character is another's mirror image, since stills are mirrored in training.
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabefghr346789"
TEXTURES = ("rows", "columns", "diagonals", "checks", "rings", "dots", "white noise", "cloud noise", "grain noise")


@dataclass(frozen=True)
class Digits:
    """Sizes of the embedded data set."""

    digits: Annotated[list[Annotated[int, Limits(minimum=0, maximum=9)]], Limits(minItems=1, uniqueItems=True)] = key(
        "which ones it shows, in videos and, if they are of digits, in stills"
    )
    canvas: Annotated[int, Limits(minimum=16, maximum=1024, multipleOf=2)] = key("height and width of a frame")
    video_frames: Annotated[int, Limits(minimum=8, maximum=10**4)] = key()
    frame_rate: Annotated[int, Limits(minimum=1, maximum=1000)] = key()
    train_videos: Annotated[int, Even] = key()
    val_videos: Annotated[int, Even] = key()
    stills: Annotated[int, Limits(minimum=10, maximum=10**6)] = key()
    clutter: Annotated[int, Limits(minimum=0, maximum=1000)] = key()
    speed: tuple[Speed, Speed] = key("cycles of a motion per frame, lowest and highest")
    seed: Whole = key()
    size: Annotated[int, Limits(minimum=1, maximum=32)] = key("times its 28 pixels that a digit is drawn at", 1)
    stills_of: Literal["digits", "glyphs"] = key(
        "what stills show: other images of the same digits, or letters and digits of many typefaces, and textures",
        "digits",
    )

    @property
    def still_classes(self) -> int:
        return len(self.digits) if self.stills_of == "digits" else len(CHARACTERS) + len(TEXTURES)

    @property
    def held_out_stills(self) -> int:
        """Beside those that are trained on."""
        return max(self.stills // 8, 10)


@dataclass(frozen=True)
class Data:
    """Where the videos come from, annotations and videos or digits, and how their frames are kept."""

    annotations: Annotations | None = key("for each split a list of videos, or a folder of class folders", None)
    videos: str | None = key("the folder that the lists' paths start from", None)
    format: str | None = key("that of both lists, such as ucf101; left out, it is guessed and printed", None)
    follow_links: bool = key("whether links may lead out of the folder of videos", True)
    short_side: Annotated[int, Limits(minimum=8, maximum=LARGEST_SIDE)] | None = key(
        "pixels of the shorter side in the cache; left out, frames keep their size", None
    )
    frame_rate: FrameRate | None = key("frames a second in the cache; left out, all frames are kept", None)
    pictures_per_second: FrameRate | None = key(
        "of videos that are folders of pictures, which have no clock; needed there with frame_rate", None
    )
    jpeg_quality: Annotated[int, Limits(minimum=1, maximum=100)] | None = key(
        "store frames as JPEG of this quality; left out, as they are", None
    )
    shard_videos: Count = key("videos in a shard of the cache, which one job makes", 500)
    max_bad: Share = key("the share of videos that may be missing or unreadable", 0)
    max_overlap: Share = key(
        "the share of validation videos whose content may be trained on too, and of each list's that may stand there "
        "under two labels",
        0,
    )
    digits: Digits | None = key("make the embedded data set with these sizes", None)


@dataclass(frozen=True)
class Clip:
    """What a clip is."""

    crop: Annotated[int, Limits(minimum=16, maximum=LARGEST_SIDE)] = key("height and width that a network sees")
    stride: Count = key("frames of the cache from one frame of a clip to the next", 1)
    evaluation_clips: Count = key("different clips of a video, evenly spread, that evaluation takes", 10)
    evaluation_crops: Annotated[int, Limits(enum=[1, 3])] = key(
        "of each of them: its centre, or three along the frame's longer side, as published Kinetics accuracies have", 1
    )


@dataclass(frozen=True)
class Augment:
    """Random views of a clip in training, the same for all of its frames."""

    flip: Share = key("probability of a mirror image", 0.5)
    rotate: Annotated[float, Limits(minimum=0, maximum=180)] = key("degrees to either side", 5)
    translate: Share = key("share of the frame's side, to either side", 0.05)
    scale: tuple[Scale, Scale] = key("lowest and highest", (0.95, 1.05))


@dataclass(frozen=True)
class Training:
    """How every run is trained."""

    epochs: Count = key()
    frames_per_batch: Annotated[int, Limits(minimum=2, maximum=10**7)] = key(
        "batch size times clip length; the paper's 64 x 8 and 32 x 16 are both 512"
    )
    lr: LearningRate = key("the highest learning rate")
    schedule: Literal["cosine", "step"] = key(default="cosine")
    milestones: list[Annotated[float, Limits(exclusiveMinimum=0, exclusiveMaximum=1)]] = key(
        "shares of the training after which the learning rate falls tenfold (schedule step)", []
    )
    warmup: ShareBelowOne = key("share of the training in which the learning rate rises from zero", 0)
    momentum: Momentum = key(default=0.9)
    weight_decay: WeightDecay = key(default=1e-4)
    w_hh_weight_decay: WeightDecay = key("that of w_hh, which decay would pull away from the identity", 0)
    carried_clips: Count = key(
        "clips before one of training, at most, whose state it goes on from, in runs +carried", 3
    )
    autocast: Literal["none", "bfloat16", "float16"] = key(default="none")
    compile: bool = key(
        "run the training step through torch.compile; left out, with a line, where it cannot run, as with "
        "recompute_activations",
        False,
    )
    cuda_graph: bool = key(
        "replay the training step as one CUDA graph; left out, with a line, where it cannot run", False
    )
    deterministic: bool = key(
        "train to the same bits again on the same kind of card, with algorithms that are not chosen by timing; on a "
        "CPU it is always so",
        False,
    )
    recompute_activations: Recomputing = key(
        "true: run each block twice instead of keeping its activations; norms: compute those of batch norm and ReLU "
        "again, in ResNets, which takes less time; for long clips on small cards",
        False,
    )
    validate_every: Whole = key(
        "epochs from one look at the clip accuracy on validation videos to the next, for learning curves; it changes "
        "nothing that is trained; 0: never",
        0,
    )
    gpus: Processes = key(
        "that share each batch of a run, a process each; batches, learning rate and the order of clips stay those of "
        "one; where there is no GPU, so many processes on the CPU",
        1,
    )
    gpus_by_frames: dict[str, Processes] = key(
        "GPUs of runs on clips of so many frames, where that is not gpus: {128: 2}", {}
    )
    batch_norm: Literal["per_gpu", "synchronised"] = key(
        "what its statistics are of where several GPUs share a batch: of each GPU's part, as the paper's, or of the "
        "whole batch, as on one GPU",
        "per_gpu",
    )
    threads: Threads = key("of a training on a CPU, of each of its processes", 1)
    workers: Annotated[int, Limits(minimum=0, maximum=MOST_PROCESSES)] = key(
        "processes that make the batches of each GPU; 0: none but the training itself", 0
    )


@dataclass(frozen=True)
class Pretraining:
    """Training of the 2D networks on stills."""

    epochs: Count = key()
    batch_size: Annotated[int, Limits(minimum=2)] = key()
    lr: LearningRate = key("the highest learning rate")
    warmup: ShareBelowOne = key("share of the training in which the learning rate rises from zero", 0)
    momentum: Momentum = key(default=0.9)
    weight_decay: WeightDecay = key(default=1e-4)
    threads: Threads = key("on a CPU", 1)


@dataclass(frozen=True)
class Starts:
    """What a model can start from."""

    w_xh: Annotated[list[Literal["random", "stills", "imagenet"]], Limits(minItems=1, uniqueItems=True)] = key()
    w_hh: Annotated[list[Literal["random", "identity"]], Limits(minItems=1, uniqueItems=True)] | None = key(
        "of recurrent models alone", None
    )
    seeds: Seeds | None = key("of its runs; left out, those of all", None)


@dataclass(frozen=True)
class Profile:
    """How cost is counted and timed."""

    size: Annotated[int, Limits(minimum=32, maximum=LARGEST_SIDE)] | None = key(
        "height and width at which GMACs and memory are counted; left out, the crop, at which models are timed", None
    )
    num_classes: Annotated[int, Limits(minimum=1, maximum=10**5)] = key(default=400)
    memory_frames_per_batch: Annotated[int, Limits(minimum=1, maximum=10**5)] = key(
        "batch size times clip length at which memory is counted, at that size", 128
    )
    memory_gib: Annotated[float, Limits(exclusiveMinimum=0, maximum=10**4)] = key(
        "the memory of the card that the largest batch is to fit", 11
    )
    timing_frames_per_batch: Annotated[int, Limits(minimum=1, maximum=10**5)] = key(
        "batch size times clip length at which throughput is timed, at the experiment's crop", 32
    )
    seconds: Annotated[float, Limits(exclusiveMinimum=0, maximum=3600)] = key("how long each throughput is timed", 0.5)
    threads: Threads = key("CPU threads for timing, if there are as many; the job has them to itself", 16)


@dataclass(frozen=True)
class Lifetime:
    """Long videos of the embedded data set's kind, on which accuracy is taken by the age of a network's state."""

    videos: Annotated[int, Even] = key("drawn for it, in twins, and kept nowhere")
    frames: Annotated[int, Limits(minimum=1, maximum=10**6)] = key("of each that are shown, at the clip's stride")


@dataclass(frozen=True)
class Sections:
    """A whole config."""

    name: Annotated[str, Limits(pattern="^[a-z0-9_-]+$")] = key("names the folder under results/")
    data: Data = key()
    clip: Clip = key()
    train: Training = key()
    models: Annotated[
        dict[str, Starts],
        Limits(minProperties=1, propertyNames={"pattern": "^[a-z0-9_]+(\\+[a-z0-9_]+)*$"}),
    ] = key("every model that is trained, and what it can start from; rcn18+sum is rcn18 with the plain recurrence")
    seeds: Seeds = key("every run is trained once per seed, if its model has none of its own", [0])
    pretrained: Literal["stills", "imagenet"] | None = key(
        "what the pretrained w_xh of this experiment is; left out, all runs start from random weights", None
    )
    stem_pool: bool = key("the max pool after the stem, the same for all models", True)
    weights_files: dict[str, str] = key(
        "local ImageNet weights for machines without a network, by 2D network: resnet18: path", {}
    )
    plugins: list[str] = key("Python modules that register models, tables, figures or list formats of your own", [])
    augment: Augment = key(default=Augment())
    pretrain: Pretraining | None = key(default=None)
    lifetime: Lifetime | None = key(default=None)
    tables: dict[str, Any] = key("tables to make, each with its settings", {})
    figures: dict[str, Any] = key("figures to make, each with its settings", {})
    profile: Profile = key(default=Profile())
