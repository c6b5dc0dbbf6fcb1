"""Charts of a run; each fits a notebook of medium width."""

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
    latency_histogram,
)

_CORRECT, _WRONG = "#2f855a", "#dd6b20"  # different also for the colour-blind
_AGENT, _STRATEGY = "#4c78a8", "#b279a2"
_WIDTH = 520  # of a whole chart's plot, in pixels
_PANEL_WIDTH = 270  # of one of two side by side


def correct_and_wrong(run: Run) -> alt.Chart | alt.FacetChart:
    """Draw how many images of each class were predicted correctly, a panel for each agent."""
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
    is_single = len(run.agents) == 1
    height, width = (240, _WIDTH) if is_single else (180, _PANEL_WIDTH)
    chart = (
        alt.Chart(counts, height=height, width=width)
        .mark_bar()
        .encode(
            x=alt.X("label:N", sort=names, title="class", axis=name_axis(names)),
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
    if is_single:
        return chart
    panels = alt.Facet("agent:N", title=None, sort=list(run.agents))
    # With a shared axis the empty place after an odd number of panels would have one too.
    return chart.facet(panels, columns=2).resolve_axis(x="independent")


def accuracies(run: Run, strategies: Outcomes | None = None) -> alt.LayerChart:
    """Draw the accuracy of each agent and strategy with its Wilson interval of 95 %."""
    table = accuracy_table(run, strategies).drop_nulls("accuracy")
    names = table["name"].to_list()
    counts = [alt.Tooltip(f"{name}:Q", format=",") for name in ("correct", "requests", "undecided")]
    base = alt.Chart(table, height=34 * max(1, len(names)), width=_WIDTH - 100).encode(
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
    return heat_map(base, table["share"], "same prediction")


def class_heat_map(run: Run, strategies: Outcomes | None = None) -> alt.LayerChart:
    """Draw the accuracy of each agent and each strategy on each class."""
    compared = {**outcomes.by_agent(run), **(strategies or {})}
    classes = list(run.class_names)
    table = class_table(run, compared)
    base = alt.Chart(table, height=alt.Step(30), width=alt.Step(46)).encode(
        x=alt.X("class:N", sort=classes, title=None, axis=name_axis(classes)),
        y=alt.Y("name:N", sort=list(compared), title=None, axis=row_axis()),
        tooltip=[
            *("name:N", "class:N"),
            percent("accuracy", 2),
            alt.Tooltip("correct:Q", format=","),
            alt.Tooltip("answers:Q", format=","),
        ],
    )
    return heat_map(base, table["accuracy"], "accuracy")


def latencies(run: Run) -> alt.FacetChart:
    """Draw a histogram of latencies for each agent, with lines at p50 and p99."""
    base = alt.Chart(latency_histogram(run), height=90, width=_WIDTH)
    bars = base.mark_bar(color=_AGENT, opacity=0.6).encode(
        x=alt.X(
            "low:Q",
            title="latency, ms",
            bin="binned",
            axis=alt.Axis(tickCount=8, labelOverlap=True),
        ),
        x2="high:Q",
        y=alt.Y("answers:Q", axis=alt.Axis(tickCount=4, tickMinStep=1)),
        tooltip=[
            alt.Tooltip("low:Q", format=",.0f"),
            alt.Tooltip("high:Q", format=",.0f"),
            alt.Tooltip("answers:Q", format=","),
        ],
    )
    layers = [bars]
    for name, dash in (("p50", [1, 0]), ("p99", [5, 3])):
        x = f"mean({name}_ms):Q"
        line = base.mark_rule(color=_WRONG, strokeWidth=2, strokeDash=dash).encode(x=x)
        text = base.mark_text(align="left", dx=4, y=8, color=_WRONG).encode(
            x=x, text=alt.Text("label:N", aggregate="min")
        )
        layers += [
            line,
            text.transform_calculate(label=f"'{name} ' + format(datum.{name}_ms, ',.0f')"),
        ]
    return alt.layer(*layers).facet(
        row=alt.Row("agent:N", title=None, sort=list(run.agents)), spacing=8
    )


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
