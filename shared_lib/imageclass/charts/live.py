"""Charts of the verdicts that are on the topic now, as wide as the page."""

from __future__ import annotations

import altair as alt
import polars as pl

from imageclass.charts.parts import heat_map, name_axis, percent
from imageclass.runs.live import VerdictSnapshot

_MAX_POINTS = 120  # of a line: more cannot be seen
_HEIGHT = 230


def running_accuracy(snapshot: VerdictSnapshot) -> alt.Chart:
    """Draw the accuracy of each agent and strategy over all requests so far."""
    table = (
        snapshot.all_voters.with_columns(
            requests=pl.int_range(1, pl.len() + 1).over("name"),
            accuracy=pl.col("correct").cum_sum().over("name")
            / pl.int_range(1, pl.len() + 1).over("name"),
            total=pl.len().over("name"),
        )
        .filter(_is_shown("requests"))
        .filter(pl.col("requests") > pl.min_horizontal(10, pl.col("total") - 1))
    )
    return (
        alt.Chart(table, height=_HEIGHT, width="container")
        .mark_line(interpolate="monotone")
        .encode(
            x=alt.X("requests:Q", title="verdicts", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y(
                "accuracy:Q",
                title="accuracy so far",
                axis=alt.Axis(format=".1%"),
                scale=alt.Scale(zero=False),
            ),
            color=_name_color(snapshot),
            tooltip=["name:N", "requests:Q", percent("accuracy", 2)],
        )
    )


def class_heat_map(snapshot: VerdictSnapshot) -> alt.LayerChart:
    """Draw the accuracy of each agent and strategy on each class."""
    table = (
        snapshot.all_voters.group_by("name", "class", "label")
        .agg(answers=pl.len(), accuracy=pl.col("correct").mean())
        .sort("label", "name")
    )
    classes = table["class"].unique(maintain_order=True).to_list()
    base = alt.Chart(table, height=alt.Step(44), width="container").encode(
        x=alt.X("class:N", sort=classes, title=None, axis=name_axis(classes)),
        y=alt.Y("name:N", sort=_names(snapshot), title=None),
        tooltip=["name:N", "class:N", percent("accuracy"), "answers:Q"],
    )
    return heat_map(base, table["accuracy"])


def latencies(snapshot: VerdictSnapshot) -> alt.Chart:
    """Draw the share of each agent's predictions that took at most so many milliseconds."""
    table = (
        snapshot.answers.sort("latency_ms")
        .with_columns(place=pl.int_range(1, pl.len() + 1).over("name"), total=pl.len().over("name"))
        .with_columns(share=pl.col("place") / pl.col("total"))
        .filter(_is_shown("place"))
    )
    latency = alt.Tooltip("latency_ms:Q", format=",.0f")
    return (
        alt.Chart(table, height=_HEIGHT, width="container")
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("latency_ms:Q", title="latency, ms", axis=alt.Axis(labelSeparation=8)),
            y=alt.Y("share:Q", title="share of predictions", axis=alt.Axis(format="%")),
            color=_name_color(snapshot),
            tooltip=["name:N", percent("share"), latency],
        )
    )


def agreement(snapshot: VerdictSnapshot) -> alt.LayerChart:
    """Draw how often each pair of agents and strategies predicts the same."""
    columns = ["request", "name", "predicted"]
    decided = snapshot.verdicts.drop_nulls("predicted").select(columns)
    predicted = pl.concat([snapshot.answers.select(columns), decided])
    names = _names(snapshot)
    table = (
        predicted.join(predicted, on="request", suffix="_other")
        .group_by("name", "name_other")
        .agg(
            requests=pl.len(),
            share=(pl.col("predicted") == pl.col("predicted_other")).mean(),
        )
    )
    base = alt.Chart(table, height=alt.Step(44), width="container").encode(
        x=alt.X("name_other:N", sort=names, title=None, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("name:N", sort=names, title=None),
        tooltip=["name:N", "name_other:N", percent("share"), "requests:Q"],
    )
    return heat_map(base, table["share"])


def throughput(snapshot: VerdictSnapshot) -> alt.Chart:
    """Draw how many verdicts were announced in each second."""
    table = (
        snapshot.verdicts.group_by(pl.col("announced").dt.truncate("1s").alias("second"))
        .agg(verdicts=pl.len())
        .sort("second")
    )
    return (
        alt.Chart(table, height=_HEIGHT, width="container")
        .mark_bar(color="#4c78a8", width=6)
        .encode(
            x=alt.X("second:T", title="time", axis=alt.Axis(format="%H:%M:%S", tickCount=6)),
            y=alt.Y("verdicts:Q", title="verdicts per second", axis=alt.Axis(tickMinStep=1)),
            tooltip=[alt.Tooltip("second:T", format="%H:%M:%S"), "verdicts:Q"],
        )
    )


def _is_shown(position: str) -> pl.Expr:
    """Thin out a line's points evenly; the last one is always shown.

    `position` is the column that counts a name's points from 1, `total` the number of them.
    """
    total = pl.col("total")
    return (total - pl.col(position)) % (total // _MAX_POINTS).clip(1) == 0


def _name_color(snapshot: VerdictSnapshot) -> alt.Color:
    """Give each name one colour, the same in all charts."""
    scale = alt.Scale(domain=_names(snapshot))
    return alt.Color("name:N", title=None, scale=scale, legend=alt.Legend(orient="top"))


def _names(snapshot: VerdictSnapshot) -> list[str]:
    """Return the agents, then the strategies."""
    return [
        *sorted(set(snapshot.answers["name"])),
        *sorted(set(snapshot.verdicts["name"])),
    ]
