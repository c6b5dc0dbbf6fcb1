"""Draws the figures of the pages: a bar for each median, a point for each round."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import polars as pl

from bench.catalogue import MEASURES, SUBJECTS
from bench.samples import Recording

_SHOWN = ("stopped", "running", "notebook", "slow_home", "slow_notebook")
_OURS, _OTHERS = "#3f7d4e", "#a9b3ab"


def figure(recording: Recording) -> alt.VConcatChart:
    """Return the picture, a row for each measure.

    Args:
        recording: the figures of the part `pages`.
    """
    table = pl.DataFrame(
        {
            "measure": [sample.measure for sample in recording.samples],
            "subject": [SUBJECTS[sample.subject] for sample in recording.samples],
            "ours": [sample.subject in ("server", "mosshub") for sample in recording.samples],
            "value": [sample.value for sample in recording.samples],
        }
    )
    rows = [
        _row(part, MEASURES[name].title)
        for name in _SHOWN
        if len(part := table.filter(pl.col("measure") == name))
    ]
    return alt.vconcat(*rows, spacing=18).configure_view(stroke=None)


def _row(table: pl.DataFrame, title: str) -> alt.LayerChart:
    place = alt.Y("subject:N", sort=list(SUBJECTS.values()), title=None)
    place = place.axis(labelLimit=320, ticks=False, domain=False)
    bars = (
        alt.Chart(table.group_by("subject", "ours").agg(pl.median("value")))
        .mark_bar(height=14)
        .encode(
            alt.X("value:Q", title="seconds"),
            place,
            alt.Color("ours:N", legend=None).scale(domain=[True, False], range=[_OURS, _OTHERS]),
        )
    )
    points = alt.Chart(table).mark_point(size=14, color="#333", opacity=0.6, filled=True)
    return alt.layer(bars, points.encode(alt.X("value:Q"), place)).properties(
        title=alt.Title(title, anchor="start", fontSize=13), width=520
    )


def draw(recording: Recording, path: Path) -> None:
    """Write the picture as a PNG file."""
    figure(recording).save(path, ppi=110)
