"""Charts of what was judged; each fits a notebook of medium width."""

import altair as alt
import polars as pl

from imageclass.charts.training import heat_map
from imageclass.evaluation.calibration import expected_calibration_error, reliability
from imageclass.evaluation.statistics import (
    Outcomes,
    accuracy_table,
    agreement_table,
    class_table,
    latency_histogram,
    outcomes_of,
)
from imageclass.runs.run import Run

_RIGHT, _WRONG = "#2f855a", "#dd6b20"  # told apart also by the colour-blind
_AGENT, _STRATEGY = "#4c78a8", "#b279a2"
_WIDTH = 520  # of a whole chart's plot, in pixels
_PANEL = 270  # of one of two side by side


def right_and_wrong(verdicts: Run) -> alt.Chart | alt.FacetChart:
    """Bars of how many images of each class were answered right and wrong, a panel per agent."""
    names = list(verdicts.dataset.class_names)
    counts = (
        verdicts.frame.with_columns(
            pl.col("label").replace_strict(range(len(names)), names, return_dtype=pl.String)
        )
        .group_by("agent", "label", "correct")
        .len("images")
        .with_columns(answer=pl.when("correct").then(pl.lit("right")).otherwise(pl.lit("wrong")))
    )
    alone = len(verdicts.agents) == 1
    chart = (
        alt.Chart(counts, height=240 if alone else 180, width=_WIDTH if alone else _PANEL)
        .mark_bar()
        .encode(
            x=alt.X("label:N", sort=names, title="class", axis=_class_axis(names)),
            y=alt.Y("images:Q", title="images", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "answer:N",
                title=None,
                scale=alt.Scale(domain=["right", "wrong"], range=[_RIGHT, _WRONG]),
                legend=alt.Legend(orient="top"),
            ),
            order=alt.Order("answer:N"),
            tooltip=["agent:N", "label:N", "answer:N", "images:Q"],
        )
    )
    if alone:
        return chart
    panels = alt.Facet("agent:N", title=None, sort=list(verdicts.agents))
    # An axis each, or the place that an odd number leaves free would have one too.
    return chart.facet(panels, columns=2).resolve_axis(x="independent")


def accuracies(verdicts: Run, strategies: Outcomes | None = None) -> alt.LayerChart:
    """The accuracy of each agent and strategy with its Wilson interval of 95 %."""
    table = accuracy_table(verdicts, strategies).drop_nulls("accuracy")
    names = table["name"].to_list()
    base = alt.Chart(table, height=34 * max(1, len(names)), width=_WIDTH - 100).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelLimit=200)),
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=["agent", "strategy"], range=[_AGENT, _STRATEGY]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=[
            alt.Tooltip("name:N"),
            alt.Tooltip("accuracy:Q", format=".2%"),
            alt.Tooltip("low:Q", format=".2%"),
            alt.Tooltip("high:Q", format=".2%"),
            alt.Tooltip("correct:Q", format=","),
            alt.Tooltip("requests:Q", format=","),
            alt.Tooltip("undecided:Q", format=","),
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


def agreement_matrix(outcomes: Outcomes) -> alt.LayerChart:
    """The share of requests to which each two of `outcomes` have the same answer; Cohen's kappa
    in the tooltip."""
    names = list(outcomes)
    table = agreement_table(outcomes).drop_nulls("share")
    tooltip = [
        alt.Tooltip("first:N"),
        alt.Tooltip("second:N"),
        alt.Tooltip("share:Q", format=".2%"),
        alt.Tooltip("kappa:Q", format=".3f"),
        alt.Tooltip("requests:Q", format=","),
    ]
    base = alt.Chart(table, height=alt.Step(40), width=alt.Step(64)).encode(
        x=alt.X("first:N", sort=names, title=None, axis=alt.Axis(labelAngle=-30, labelLimit=160)),
        y=alt.Y("second:N", sort=names, title=None, axis=alt.Axis(labelLimit=160)),
        tooltip=tooltip,
    )
    return heat_map(base, table["share"], "same answer")


def class_heat_map(verdicts: Run, strategies: Outcomes | None = None) -> alt.LayerChart:
    """The accuracy of each agent, and of each strategy, on each class."""
    outcomes = {**outcomes_of(verdicts), **(strategies or {})}
    classes = list(verdicts.dataset.class_names)
    table = class_table(verdicts, outcomes)
    tooltip = [
        alt.Tooltip("name:N"),
        alt.Tooltip("class:N"),
        alt.Tooltip("accuracy:Q", format=".2%"),
        alt.Tooltip("correct:Q", format=","),
        alt.Tooltip("answers:Q", format=","),
    ]
    base = alt.Chart(table, height=alt.Step(30), width=alt.Step(46)).encode(
        x=alt.X("class:N", sort=classes, title=None, axis=_class_axis(classes)),
        y=alt.Y("name:N", sort=list(outcomes), title=None, axis=alt.Axis(labelLimit=160)),
        tooltip=tooltip,
    )
    return heat_map(base, table["accuracy"], "right")


def latencies(verdicts: Run) -> alt.FacetChart:
    """How long answers took, a panel per agent, with lines for the half (p50) and 99 of 100."""
    base = alt.Chart(latency_histogram(verdicts), height=90, width=_WIDTH)
    bars = base.mark_bar(color=_AGENT, opacity=0.6).encode(
        x=alt.X(
            "low:Q",
            title="ms from asking to answering",
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
        row=alt.Row("agent:N", title=None, sort=list(verdicts.agents)), spacing=8
    )


def reliability_diagram(outcomes: Outcomes) -> alt.LayerChart:
    """How often answers of about one confidence are right: on the dashed line for one that knows
    how sure it may be, below it for one too sure. The larger a point, the more answers; the
    expected calibration error is in the legend.
    """
    tables, names = [], []
    for name, frame in outcomes.items():
        error = expected_calibration_error(frame)
        if error is not None:
            names.append(f"{name} ({error:.1%} off)")
            tables.append(reliability(frame).with_columns(name=pl.lit(names[-1])))
    empty = {"name": pl.String, "confidence": pl.Float64, "accuracy": pl.Float64}
    table = pl.concat(tables) if tables else pl.DataFrame(schema=empty)
    share = alt.Scale(domain=[0, 1])
    diagonal = (
        alt.Chart(pl.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]}))
        .mark_line(strokeDash=[4, 4], color="gray")
        .encode(x="confidence:Q", y="accuracy:Q")
    )
    base = alt.Chart(table, height=300, width=300).encode(
        x=alt.X("confidence:Q", scale=share, axis=alt.Axis(format="%", tickCount=5)),
        y=alt.Y("accuracy:Q", scale=share, axis=alt.Axis(format="%", tickCount=5)),
        color=alt.Color("name:N", title=None, sort=names, legend=alt.Legend(labelLimit=260)),
        tooltip=[
            alt.Tooltip("name:N"),
            alt.Tooltip("confidence:Q", format=".1%"),
            alt.Tooltip("accuracy:Q", format=".1%"),
            alt.Tooltip("answers:Q", format=","),
        ],
    )
    points = base.mark_circle(opacity=1).encode(
        size=alt.Size("answers:Q", scale=alt.Scale(range=[10, 200]), legend=None)
    )
    return diagonal + base.mark_line(opacity=0.6) + points


def _class_axis(names: list[str]) -> alt.Axis:
    return alt.Axis(labelAngle=0 if max(map(len, names)) <= 3 else -35)
