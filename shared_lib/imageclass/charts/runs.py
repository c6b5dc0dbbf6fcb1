"""Charts of a run, as wide as the page."""

import altair as alt
import polars as pl

from imageclass.charts.parts import heat_map, name_axis, percent, row_axis
from imageclass.evaluation.calibration import expected_calibration_error, reliability
from imageclass.runs import outcomes
from imageclass.runs.outcomes import Outcomes
from imageclass.runs.run import Run
from imageclass.runs.tables import (
    accuracy_table,
    agreement_table,
    class_table,
    gain_table,
    latency_histogram,
)

_CORRECT, _WRONG = "#2f855a", "#dd6b20"  # different also for the colour-blind
_AGENT, _STRATEGY = "#4c78a8", "#b279a2"
_LATENCY_AXIS = alt.Axis(labelOverlap=True, labelSeparation=8)
_PERCENTILES = ("p50_ms", "p99_ms")


def correct_and_wrong(run: Run) -> alt.Chart:
    """Draw how many images of each class were predicted correctly, a bar for each agent."""
    names = list(run.class_names)
    verdict = pl.when("correct").then(pl.lit("correct")).otherwise(pl.lit("wrong"))
    counts = (
        run.predictions.with_columns(
            pl.col("label").replace_strict(range(len(names)), names, return_dtype=pl.String)
        )
        .group_by("agent", "label", "correct")
        .len("images")
        .with_columns(prediction=verdict)
    )
    several = f"; bars from left to right: {', '.join(run.agents)}" if len(run.agents) > 1 else ""
    return (
        alt.Chart(counts, height=240, width="container")
        .mark_bar()
        .encode(
            x=alt.X("label:N", sort=names, title=f"class{several}", axis=name_axis(names)),
            xOffset=alt.XOffset("agent:N", sort=list(run.agents)),
            y=alt.Y("images:Q", title="images", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "prediction:N",
                title=None,
                scale=alt.Scale(domain=["correct", "wrong"], range=[_CORRECT, _WRONG]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("prediction:N"),
            tooltip=["agent:N", "label:N", "prediction:N", "images:Q"],
        )
    )


def accuracies(run: Run, strategies: Outcomes | None = None) -> alt.LayerChart:
    """Draw the accuracy of each agent and strategy with its Wilson interval of 95 %."""
    table = accuracy_table(run, strategies).drop_nulls("accuracy")
    names = table["name"].to_list()
    counts = [alt.Tooltip(f"{name}:Q", format=",") for name in ("correct", "requests", "undecided")]
    base = alt.Chart(table, height=34 * max(1, len(names)), width="container").encode(
        y=alt.Y("name:N", sort=names, title=None, axis=row_axis(200)),
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=["agent", "strategy"], range=[_AGENT, _STRATEGY]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=[
            "name:N",
            percent("accuracy", 2),
            percent("low", 2),
            percent("high", 2),
            *counts,
        ],
    )
    scale = alt.Scale(zero=False, nice=True)
    axis = alt.Axis(format=".1%", tickCount=6, labelOverlap=True)
    interval = base.mark_rule(strokeWidth=3, opacity=0.5).encode(
        x=alt.X("low:Q", title="accuracy, with its interval of 95 %", scale=scale, axis=axis),
        x2="high:Q",
    )
    point = base.mark_point(filled=True, size=90, opacity=1).encode(x=alt.X("accuracy:Q"))
    text = base.mark_text(dy=-10, fontSize=11).encode(
        x=alt.X("accuracy:Q"), text=alt.Text("accuracy:Q", format=".1%")
    )
    return interval + point + text


def vote_gains(run: Run, vote: pl.DataFrame) -> alt.LayerChart:
    """Draw the accuracy of the best agent and of a vote on each class, the largest gain first.

    The number at the end of a row is how many more of its images the vote gets right than the best
    agent, or fewer. `vote` is what a strategy decided; see `outcomes.decide`.
    """
    table = gain_table(run, vote)
    best = f"best agent ({', '.join(table['agent'].unique())})"  # one, or none without images
    gain = pl.col("vote_right") - pl.col("agent_right")
    table = table.with_columns(
        row=pl.format("{} ({})", "class", "images"),
        end=pl.max_horizontal("agent_accuracy", "vote_accuracy"),
        effect=pl.when(gain < 0).then(pl.lit("hurts")).otherwise(pl.lit("helps")),
        change=pl.when(gain > 0)
        .then(pl.format("+{}", gain))
        .otherwise(gain.cast(pl.String).str.replace("-", "−")),
    )
    base = alt.Chart(table, height=alt.Step(28), width="container").encode(
        y=alt.Y("row:N", sort=table["row"].to_list(), title=None, axis=row_axis())
    )
    colors = alt.Scale(domain=["helps", "hurts"], range=[_CORRECT, _WRONG])
    effect = alt.Color("effect:N", legend=None, scale=colors)
    share = alt.X(
        "agent_accuracy:Q",
        title="right, of the images of the class",
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(format="%", labelOverlap=True),
    )
    line = base.mark_rule(strokeWidth=4, opacity=0.6).encode(
        x=share, x2="vote_accuracy:Q", color=effect
    )
    change = base.mark_text(align="left", dx=10).encode(x="end:Q", text="change:N", color=effect)
    who = alt.Scale(domain=[best, "vote"], range=[_AGENT, _STRATEGY])
    points = (
        base.transform_fold(["agent_accuracy", "vote_accuracy"], as_=["kind", "accuracy"])
        .transform_calculate(who=f"datum.kind == 'vote_accuracy' ? 'vote' : {best!r}")
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            x="accuracy:Q",
            color=alt.Color("who:N", title=None, scale=who, legend=alt.Legend(orient="top")),
            tooltip=["who:N", "class:N", "images:Q", percent("accuracy")],
        )
    )
    return alt.layer(line, points, change).resolve_scale(color="independent")


def agreement_matrix(compared: Outcomes) -> alt.LayerChart:
    """Draw the share of requests with the same prediction for each pair.

    Cohen's kappa is in the tooltip.
    """
    names = list(compared)
    table = agreement_table(compared).drop_nulls("share")
    base = alt.Chart(table, height=alt.Step(40), width=alt.Step(64)).encode(
        x=alt.X("first:N", sort=names, title=None, axis=alt.Axis(labelAngle=-30, labelLimit=160)),
        y=alt.Y("second:N", sort=names, title=None, axis=row_axis()),
        tooltip=[
            *("first:N", "second:N"),
            percent("share", 2),
            alt.Tooltip("kappa:Q", format=".3f"),
            alt.Tooltip("requests:Q", format=","),
        ],
    )
    return heat_map(base, table["share"])


def class_heat_map(run: Run, strategies: Outcomes | None = None) -> alt.LayerChart:
    """Draw the accuracy of each agent and each strategy on each class."""
    compared = {**outcomes.by_agent(run), **(strategies or {})}
    classes = list(run.class_names)
    table = class_table(run, compared)
    base = alt.Chart(table, height=alt.Step(30), width="container").encode(
        x=alt.X("class:N", sort=classes, title=None, axis=name_axis(classes)),
        y=alt.Y("name:N", sort=list(compared), title=None, axis=row_axis()),
        tooltip=[
            *("name:N", "class:N"),
            percent("accuracy", 2),
            alt.Tooltip("correct:Q", format=","),
            alt.Tooltip("answers:Q", format=","),
        ],
    )
    return heat_map(base, table["accuracy"])


def latencies(run: Run) -> alt.LayerChart:
    """Draw a histogram of latencies for each agent, with lines at p50 and, dashed, at p99."""
    name = pl.format(
        "{}: p50 {} ms, p99 {} ms", "agent", *(pl.col(c).round(0).cast(int) for c in _PERCENTILES)
    )
    table = latency_histogram(run).with_columns(name=name)
    base = alt.Chart(table, height=180, width="container").encode(
        color=alt.Color(
            "name:N", title=None, legend=alt.Legend(orient="top", columns=1, labelLimit=300)
        )
    )
    bars = base.mark_bar(opacity=0.45).encode(
        x=alt.X("low:Q", title="latency, ms", bin="binned", axis=_LATENCY_AXIS),
        x2="high:Q",
        y=alt.Y("answers:Q", title="predictions", stack=None, axis=alt.Axis(tickMinStep=1)),
        tooltip=[
            "agent:N",
            alt.Tooltip("low:Q", format=",.0f"),
            alt.Tooltip("high:Q", format=",.0f"),
            alt.Tooltip("answers:Q", format=","),
        ],
    )
    line = base.mark_rule(strokeWidth=2)
    p50 = line.encode(x="mean(p50_ms):Q")
    p99 = line.encode(x="mean(p99_ms):Q", strokeDash=alt.value([5, 3]))
    return bars + p50 + p99


def reliability_diagram(compared: Outcomes) -> alt.LayerChart:
    """Draw accuracy against confidence.

    Calibrated predictions lie on the dashed line, overconfident ones below it. The area of a point
    is its number of predictions; the expected calibration error is in the legend.
    """
    empty = {"name": pl.String, "confidence": pl.Float64, "accuracy": pl.Float64}
    parts, names = [], []
    for name, frame in compared.items():
        confidence, correct = frame["confidence"].to_numpy(), frame["correct"].to_numpy()
        error = expected_calibration_error(confidence, correct)
        if error is not None:
            names.append(f"{name} ({error:.1%} off)")
            points = pl.DataFrame(reliability(confidence, correct)._asdict())
            parts.append(points.with_columns(name=pl.lit(names[-1])))
    table = pl.concat(parts) if parts else pl.DataFrame(schema=empty)
    share = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format="%", tickCount=5)
    diagonal = (
        alt.Chart(pl.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color="gray")
        .encode(x="confidence:Q", y="accuracy:Q")
    )
    base = alt.Chart(table, height=300, width=300).encode(
        x=alt.X("confidence:Q", scale=share, axis=axis),
        y=alt.Y("accuracy:Q", scale=share, axis=axis),
        color=alt.Color("name:N", title=None, sort=names, legend=alt.Legend(labelLimit=260)),
        tooltip=[
            "name:N",
            percent("confidence"),
            percent("accuracy"),
            alt.Tooltip("answers:Q", format=","),
        ],
    )
    size = alt.Size("answers:Q", scale=alt.Scale(range=[10, 200]), legend=None)
    circles = base.mark_circle(opacity=1).encode(size=size)
    return diagonal + base.mark_line(opacity=0.6) + circles
