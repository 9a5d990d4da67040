"""What figures of accuracy curves have in common: a colour for each model and clip length, and bands of intervals."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

TOLD_APART = 10  # colours of the palette that colour-blind people can tell apart; of more than that, hues

Colour = tuple[float, float, float]


def curve_colours(count: int) -> list[Colour]:
    return list(sns.color_palette("colorblind" if count <= TOLD_APART else "husl", count))


def draw_interval(axis: Axes, along: str, table: pd.DataFrame, colour: Colour) -> None:
    """table: with the ends of 95 % intervals, accuracy_95_low and accuracy_95_high. along: its column on the x axis."""
    low, high = table["accuracy_95_low"], table["accuracy_95_high"]
    axis.fill_between(table[along], low, high, color=colour, alpha=0.12, linewidth=0)
