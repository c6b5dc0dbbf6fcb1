"""Charts for whoever watches a run: of `live.Watched`, as wide as the page."""

from __future__ import annotations

import altair as alt
import polars as pl

from imageclass.charts.training import heat_map
from imageclass.runs.live import VerdictSnapshot

_POINTS = 120  # of a line: more are not seen
_HEIGHT = 230


def running_accuracy(watched: VerdictSnapshot) -> alt.Chart:
    """The accuracy of each agent and of the verdict over all requests so far."""
    table = (
        watched.everybody.with_columns(
            requests=pl.int_range(1, pl.len() + 1).over("name"),
            accuracy=pl.col("correct").cum_sum().over("name")
            / pl.int_range(1, pl.len() + 1).over("name"),
            total=pl.len().over("name"),
        )
        # Evenly thinned out, with the last one always there.
        .filter((pl.col("total") - pl.col("requests")) % (pl.col("total") // _POINTS).clip(1) == 0)
        .filter(pl.col("requests") > pl.min_horizontal(10, pl.col("total") - 1))
    )
    return (
        alt.Chart(table, height=_HEIGHT, width="container")
        .mark_line(interpolate="monotone")
        .encode(
            x=alt.X("requests:Q", title="verdicts", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y(
                "accuracy:Q",
                title="right so far",
                axis=alt.Axis(format=".1%"),
                scale=alt.Scale(zero=False),
            ),
            color=_who(watched),
            tooltip=["name:N", "requests:Q", alt.Tooltip("accuracy:Q", format=".2%")],
        )
    )


def class_heat_map(watched: VerdictSnapshot) -> alt.LayerChart:
    """The share of right answers of each agent and of the verdict, class by class."""
    table = (
        watched.everybody.group_by("name", "class", "label")
        .agg(answers=pl.len(), accuracy=pl.col("correct").mean())
        .sort("label", "name")
    )
    classes = table["class"].unique(maintain_order=True).to_list()
    names = _names(watched)
    base = alt.Chart(table, height=alt.Step(44), width="container").encode(
        x=alt.X("class:N", sort=classes, title=None, axis=alt.Axis(labelAngle=_angle(classes))),
        y=alt.Y("name:N", sort=names, title=None),
        tooltip=["name:N", "class:N", alt.Tooltip("accuracy:Q", format=".1%"), "answers:Q"],
    )
    return heat_map(base, table["accuracy"], "right", ".0%")


def latencies(watched: VerdictSnapshot) -> alt.Chart:
    """How long answers took: the share of each agent's answers that came within so many ms."""
    table = (
        watched.answers.sort("latency_ms")
        .with_columns(place=pl.int_range(1, pl.len() + 1).over("name"), total=pl.len().over("name"))
        .with_columns(share=pl.col("place") / pl.col("total"))
        .filter((pl.col("total") - pl.col("place")) % (pl.col("total") // _POINTS).clip(1) == 0)
    )
    return (
        alt.Chart(table, height=_HEIGHT, width="container")
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("latency_ms:Q", title="ms from asking to answering"),
            y=alt.Y("share:Q", title="answered within", axis=alt.Axis(format="%")),
            color=_who(watched),
            tooltip=[
                "name:N",
                alt.Tooltip("share:Q", format=".1%"),
                alt.Tooltip("latency_ms:Q", format=",.0f"),
            ],
        )
    )


def agreement(watched: VerdictSnapshot) -> alt.LayerChart:
    """How often each two, agents or the verdict, say the same."""
    columns = ["request", "name", "predicted"]
    said = pl.concat(
        [watched.answers.select(columns), watched.verdicts.drop_nulls("predicted").select(columns)]
    )
    names = _names(watched)
    table = (
        said.join(said, on="request", suffix="_other")
        .group_by("name", "name_other")
        .agg(
            requests=pl.len(),
            share=(pl.col("predicted") == pl.col("predicted_other")).mean(),
        )
    )
    base = alt.Chart(table, height=alt.Step(44), width="container").encode(
        x=alt.X("name_other:N", sort=names, title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("name:N", sort=names, title=None),
        tooltip=["name:N", "name_other:N", alt.Tooltip("share:Q", format=".1%"), "requests:Q"],
    )
    return heat_map(base, table["share"], "same answer")


def throughput(watched: VerdictSnapshot) -> alt.Chart:
    """Verdicts in each second, over the time from the first to the last that are watched."""
    table = (
        watched.verdicts.group_by(pl.col("announced").dt.truncate("1s").alias("second"))
        .agg(verdicts=pl.len())
        .sort("second")
    )
    return (
        alt.Chart(table, height=_HEIGHT, width="container")
        .mark_bar(color="#4c78a8", width=6)
        .encode(
            x=alt.X("second:T", title="when", axis=alt.Axis(format="%H:%M:%S", tickCount=6)),
            y=alt.Y("verdicts:Q", title="verdicts in a second", axis=alt.Axis(tickMinStep=1)),
            tooltip=[alt.Tooltip("second:T", format="%H:%M:%S"), "verdicts:Q"],
        )
    )


def _who(watched: VerdictSnapshot) -> alt.Color:
    """One colour for each name, the same in all charts."""
    scale = alt.Scale(domain=_names(watched))
    return alt.Color("name:N", title=None, scale=scale, legend=alt.Legend(orient="top"))


def _names(watched: VerdictSnapshot) -> list[str]:
    """The agents, then the strategies."""
    return [
        *sorted(set(watched.answers["name"])),
        *sorted(set(watched.verdicts["name"])),
    ]


def _angle(names: list[str]) -> int:
    return 0 if max(map(len, names), default=0) <= 3 else -35
