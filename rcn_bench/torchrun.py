"""What torchrun tells a process that it has started beside others, known without loading torch."""

import os


def is_one_of_several() -> bool:
    """Whether torchrun has started this process beside others."""
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def is_main() -> bool:
    """Whether it has started this one as the first, or not at all."""
    return not is_one_of_several() or os.environ.get("RANK") == "0"
