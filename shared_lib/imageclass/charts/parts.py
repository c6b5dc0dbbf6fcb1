"""What all charts share: axes of names, and the heat map."""

from collections.abc import Sequence

import altair as alt
import polars as pl

_SHORT_NAME = 3  # characters; longer names are turned, or they would cover each other


def name_axis(names: Sequence[str]) -> alt.Axis:
    """Make a horizontal axis of names that do not cover each other."""
    longest = max(map(len, names), default=0)
    return alt.Axis(labelAngle=0 if longest <= _SHORT_NAME else -35)


def row_axis(label_limit: int = 160) -> alt.Axis:
    """Make a vertical axis of names; `label_limit` is the space for them, in pixels."""
    return alt.Axis(labelLimit=label_limit)


def percent(column: str, digits: int = 1) -> alt.Tooltip:
    """Show the shares in `column` as percentages in a tooltip."""
    return alt.Tooltip(f"{column}:Q", format=f".{digits}%")


def heat_map(base: alt.Chart, values: pl.Series, text_format: str = ".0%") -> alt.LayerChart:
    """Draw coloured cells with their shares in them, which need no legend.

    Args:
        base: the chart, with its cells encoded as x and y.
        values: the column of the chart's data that is shown, shares in [0, 1].
        text_format: of the shares, in d3's format language.
    """
    field = f"{values.name}:Q"
    low, high = min(values, default=0.0), max(values, default=1.0)
    cells = base.mark_rect().encode(
        color=alt.Color(field, scale=alt.Scale(scheme="blues", domain=[low, high]), legend=None)
    )
    is_dark = f"datum.{values.name} > {(low + high) / 2}"
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text(field, format=text_format),
        color=alt.condition(is_dark, alt.value("white"), alt.value("black")),
    )
    return cells + text
