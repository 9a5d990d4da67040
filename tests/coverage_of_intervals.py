"""How often the intervals of rcn_bench.intervals hold what they should, by simulation; the tables of docs/claims.md.

python tests/coverage_of_intervals.py --repeats 2000

Videos come in pairs of twins. Whether one is right is decided by the sum of normal numbers: of the training, of the
pair, of the video, and of the video in this training alone; so the true accuracy is known exactly.
"""

import argparse
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtri

from rcn_bench.intervals import Scores


@dataclass(frozen=True)
class Setting:
    """accuracy: the true one. seeds: of each init. points: by which trainings differ, a standard deviation in percent.

    pair, video: shares of what decides that belong to the pair in all trainings, and to the video in all. opposite:
    what speaks for one twin speaks against the other.
    """

    name: str
    seeds: int = 5
    pairs: int = 120
    accuracy: float = 0.7
    points: float = 4.2
    pair: float = 0.25
    video: float = 0.25
    opposite: bool = False

    def draw(self, rng: np.random.Generator, *shifts: float) -> list[Scores]:
        """Scores of inits whose true accuracies are higher by these shifts, on the same videos."""
        shared = sqrt(self.pair) * rng.standard_normal((1, self.pairs, 1)) * np.array([1, -1 if self.opposite else 1])
        shared = shared + sqrt(self.video) * rng.standard_normal((1, self.pairs, 2))
        return [self._scores(rng, shared, self.accuracy + shift) for shift in shifts]

    def _scores(self, rng: np.random.Generator, shared: np.ndarray, accuracy: float) -> Scores:
        middle = ndtri(accuracy)
        steep = np.exp(-(middle**2) / 2) / sqrt(2 * np.pi)  # of accuracy at that number
        training = self.points / 100 / steep
        own = sqrt(1 - self.pair - self.video) * rng.standard_normal((self.seeds, self.pairs, 2))
        level = middle * sqrt(1 + training**2) + training * rng.standard_normal((self.seeds, 1, 1))
        right = (level + shared + own > 0).reshape(self.seeds, -1).astype(float)
        return Scores(right, np.ones_like(right), np.repeat(np.arange(self.pairs), 2).astype(str).tolist())


SETTINGS = [
    Setting("five seeds"),
    Setting("trainings do not differ", points=0),
    Setting("trainings differ by 15 points", points=15),
    Setting("twins much alike", pair=0.9, video=0),
    Setting("twins opposite", accuracy=0.55, pair=0.7, video=0, opposite=True, points=1),
    Setting("near the ceiling", accuracy=0.97, points=1),
    Setting("ten pairs", pairs=10),
    Setting("a thousand pairs", pairs=1000, points=2),
    Setting("three seeds", seeds=3),
    Setting("four seeds", seeds=4),
    Setting("ten seeds", seeds=10),
    Setting("one training", seeds=1, points=0),
    Setting("one training, eight pairs", seeds=1, pairs=8, points=0),
    Setting("one training, twenty pairs, near the ceiling", seeds=1, pairs=20, accuracy=0.95, points=0),
    Setting("one training, twins much alike", seeds=1, pair=0.9, video=0, points=0),
]
DIFFERENCE = 0.09  # whose power is asked


def coverage(setting: Setting, repeats: int) -> tuple[float, float]:
    """How often the interval holds the true accuracy, and its median width."""
    rng, held, widths = np.random.default_rng(0), 0, []
    for _ in range(repeats):
        low, high = setting.draw(rng, 0)[0].interval() or (0, 1)
        held += low <= setting.accuracy <= high
        widths.append(high - low)
    return held / repeats, float(np.median(widths))


def decided(setting: Setting, difference: float, repeats: int) -> float:
    """How often the interval of a difference between two inits does not hold 0."""
    rng, found = np.random.default_rng(0), 0
    for _ in range(repeats):
        first, second = setting.draw(rng, 0, -difference)
        low, high = first.difference_interval(second) or (-1, 1)
        found += not low <= 0 <= high
    return found / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description="How often intervals hold what they should.")
    parser.add_argument("--repeats", type=int, default=2000)
    repeats = parser.parse_args().repeats
    columns = ["setting", "seeds", "pairs", "true accuracy %", "holds it, %", "width, points", "false alarms %"]
    print(f"| {' | '.join([*columns, f'found of {100 * DIFFERENCE:.0f} points %'])} |")
    print("|---" * (len(columns) + 1) + "|")
    for setting in SETTINGS:
        held, width = coverage(setting, repeats)
        cells = [setting.name, setting.seeds, setting.pairs, f"{setting.accuracy:.0%}".rstrip("%")]
        cells += [f"{held:.1%}".rstrip("%"), f"{100 * width:.1f}"]
        cells += [f"{decided(setting, shift, repeats):.1%}".rstrip("%") for shift in (0, DIFFERENCE)]
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
