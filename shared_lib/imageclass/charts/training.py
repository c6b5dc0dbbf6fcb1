"""Charts and pictures of what was learned; those of what was judged are in `verdict_charts`."""

from collections.abc import Sequence
from dataclasses import asdict

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from imageclass.models.metrics import Metrics
from imageclass.models.registry import ModelVersion
from imageclass.models.training import Epoch


def image(image: NDArray[np.uint8], size: int = 96) -> Image.Image:
    """`image`, uint8 (height, width, channels) with 1 or 3 channels, enlarged to `size` pixels a
    side without smoothing, so that its own pixels can be seen."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)


def learning_curve(history: Sequence[Epoch]) -> alt.HConcatChart:
    """Accuracy and loss after each epoch, on the images learned from and on those held back."""
    epochs = pl.DataFrame([asdict(epoch) for epoch in history])
    return alt.hconcat(
        _curve(epochs, "accuracy", "accuracy", "%", ".1%"),
        _curve(epochs, "loss", "mean cross-entropy", ".2f", ".3f"),
    )


def _curve(
    epochs: pl.DataFrame, column: str, title: str, axis_format: str, exact_format: str
) -> alt.Chart:
    names = {column: "learned", f"val_{column}": "held back"}
    long = epochs.unpivot(
        list(names), index="epoch", variable_name="on", value_name="value"
    ).with_columns(pl.col("on").replace(names))
    return (
        alt.Chart(long, height=200, width=260)
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:O", title="epoch", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "value:Q",
                title=title,
                axis=alt.Axis(format=axis_format),
                scale=alt.Scale(zero=False),
            ),
            color=alt.Color("on:N", title=None),
            tooltip=["epoch:O", "on:N", alt.Tooltip("value:Q", title=title, format=exact_format)],
        )
    )


def confusion_matrix(metrics: Metrics, class_names: Sequence[str]) -> alt.LayerChart:
    """A heat map: how many images of each class (rows) were taken for which (columns). Colour is
    the share of the row, so that classes of different sizes compare."""
    names = list(class_names)
    cells = pl.DataFrame(
        [
            {"is": names[i], "taken for": names[j], "images": n, "share": n / (sum(row) or 1)}
            for i, row in enumerate(metrics.confusion)
            for j, n in enumerate(row)
        ]
    )
    base = alt.Chart(cells, height=32 * len(names), width=40 * len(names)).encode(
        x=alt.X("taken for:N", sort=names, axis=alt.Axis(labelAngle=_label_angle(names))),
        y=alt.Y("is:N", sort=names),
    )
    squares = base.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            title="share of the class",
            scale=alt.Scale(scheme="blues", domain=[0, 1]),
            legend=alt.Legend(format="%"),
        ),
        tooltip=["is:N", "taken for:N", "images:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    numbers = base.mark_text().encode(
        text="images:Q",
        color=alt.condition("datum.share > 0.5", alt.value("white"), alt.value("black")),
    )
    return squares + numbers


def precision_and_recall(metrics: Metrics, class_names: Sequence[str]) -> alt.Chart:
    """Two bars for each class: precision and recall."""
    names = list(class_names)
    bars = pl.DataFrame(
        [
            {"class": name, "of": what, "share": share}
            for what in ("precision", "recall")
            for name, share in zip(names, getattr(metrics, what), strict=True)
        ]
    )
    return (
        alt.Chart(bars, height=240, width=520)
        .mark_bar()
        .encode(
            x=alt.X("class:N", sort=names, axis=alt.Axis(labelAngle=_label_angle(names))),
            xOffset="of:N",
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%")),
            color=alt.Color("of:N", title=None),
            tooltip=["class:N", "of:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )


def compared_curves(versions: Sequence[ModelVersion]) -> alt.Chart:
    """How each version learned: accuracy on the images held back, after each epoch."""
    points = pl.DataFrame(
        [
            {"version": _named(version), "epoch": e.epoch, "accuracy": e.val_accuracy}
            for version in versions
            for e in version.history
        ]
    )
    return (
        alt.Chart(points, height=220, width=520)
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:O", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "accuracy:Q",
                title="right, held back",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(zero=False),
            ),
            color=alt.Color("version:N", title=None, legend=alt.Legend(labelLimit=220)),
            tooltip=["version:N", "epoch:O", alt.Tooltip("accuracy:Q", format=".1%")],
        )
    )


def compared_recall(versions: Sequence[ModelVersion]) -> alt.LayerChart:
    """A heat map: the share of each class (columns) that each version (rows) finds, of all test
    images."""
    names = list(versions[0].class_names)
    cells = pl.DataFrame(
        [
            {"version": _named(version), "class": name, "recall": recall}
            for version in versions
            for name, recall in zip(names, version.metrics.recall, strict=True)
        ]
    )
    base = alt.Chart(cells, height=alt.Step(34), width=alt.Step(46)).encode(
        x=alt.X("class:N", sort=names, title=None, axis=alt.Axis(labelAngle=_label_angle(names))),
        y=alt.Y("version:N", title=None, axis=alt.Axis(labelLimit=220)),
        tooltip=["version:N", "class:N", alt.Tooltip("recall:Q", format=".1%")],
    )
    return heat_map(base, cells["recall"], "found", ".0%")


def heat_map(
    base: alt.Chart, values: pl.Series, title: str, text_format: str = ".1%"
) -> alt.LayerChart:
    """Coloured cells with their numbers. `values`: the column of the chart's data that is shown."""
    shown = f"{values.name}:Q"
    low, high = min(values, default=0.0), max(values, default=1.0)
    cells = base.mark_rect().encode(
        color=alt.Color(
            shown,
            title=title,
            scale=alt.Scale(scheme="blues", domain=[low, high]),
            legend=alt.Legend(format="%", gradientLength=140),
        )
    )
    dark = f"datum.{values.name} > {(low + high) / 2}"
    text = base.mark_text(fontSize=11).encode(
        text=alt.Text(shown, format=text_format),
        color=alt.condition(dark, alt.value("white"), alt.value("black")),
    )
    return cells + text


def _named(version: ModelVersion) -> str:
    return f"{version.name} {version.id[:6]} ({version.metrics.accuracy:.1%})"


def _label_angle(names: Sequence[str]) -> int:
    return 0 if max(map(len, names)) <= 3 else -35
