"""Charts of training and of trained versions; those of a run are in `charts.runs`."""

from collections.abc import Sequence
from dataclasses import asdict

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from imageclass.charts.parts import heat_map, name_axis, percent, row_axis
from imageclass.models.metrics import Metrics
from imageclass.models.registry import ModelVersion
from imageclass.models.training import Epoch

_VERSION_LABEL_LIMIT = 220  # pixels
_PERCENT_AXIS = ".1~%"  # "%" alone writes 81.999999% where a chart has one value


def image(pixels: NDArray[np.uint8], size: int = 96) -> Image.Image:
    """Enlarge an image without smoothing, so that its own pixels can be seen.

    Args:
        pixels: uint8, shape (height, width, channels) with 1 or 3 channels.
        size: width and height of the result, in pixels.
    """
    shown = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    return Image.fromarray(shown).resize((size, size), Image.Resampling.NEAREST)


def learning_curve(history: Sequence[Epoch]) -> alt.Chart:
    """Draw the accuracy after each epoch, on training and on validation images."""
    return _curve(history, "accuracy", "accuracy", _PERCENT_AXIS, ".1%")


def loss_curve(history: Sequence[Epoch]) -> alt.Chart:
    """Draw the loss after each epoch, on training and on validation images."""
    return _curve(history, "loss", "loss (mean cross-entropy)", ".2f", ".3f")


def _curve(
    history: Sequence[Epoch], column: str, title: str, axis_format: str, exact_format: str
) -> alt.Chart:
    epochs = pl.DataFrame([asdict(epoch) for epoch in history])
    names = {column: "training", f"val_{column}": "validation"}
    long = epochs.unpivot(
        list(names), index="epoch", variable_name="images", value_name="value"
    ).with_columns(pl.col("images").replace(names))
    exact = alt.Tooltip("value:Q", title=title, format=exact_format)
    return (
        alt.Chart(long, height=220, width="container")
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:O", title="epoch", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "value:Q",
                title=title,
                axis=alt.Axis(format=axis_format),
                scale=alt.Scale(zero=False),
            ),
            color=alt.Color("images:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=["epoch:O", "images:N", exact],
        )
    )


def confusion_matrix(metrics: Metrics, class_names: Sequence[str]) -> alt.LayerChart:
    """Draw how many images of each class (rows) were predicted as each class (columns).

    The colour is the share of the row, so that classes of different sizes can be compared.
    """
    names = list(class_names)
    cells = pl.DataFrame(
        [
            {"class": names[i], "predicted": names[j], "images": n, "share": n / (sum(row) or 1)}
            for i, row in enumerate(metrics.confusion)
            for j, n in enumerate(row)
        ]
    )
    base = alt.Chart(cells, height=32 * len(names), width="container").encode(
        x=alt.X("predicted:N", sort=names, axis=name_axis(names)),
        y=alt.Y("class:N", sort=names),
    )
    squares = base.mark_rect().encode(
        color=alt.Color("share:Q", scale=alt.Scale(scheme="blues", domain=[0, 1]), legend=None),
        tooltip=["class:N", "predicted:N", "images:Q", percent("share")],
    )
    numbers = base.mark_text().encode(
        text="images:Q",
        color=alt.condition("datum.share > 0.5", alt.value("white"), alt.value("black")),
    )
    return squares + numbers


def precision_and_recall(metrics: Metrics, class_names: Sequence[str]) -> alt.Chart:
    """Draw two bars for each class: precision and recall."""
    names = list(class_names)
    bars = pl.DataFrame(
        [
            {"class": name, "metric": metric, "share": share}
            for metric in ("precision", "recall")
            for name, share in zip(names, getattr(metrics, metric), strict=True)
        ]
    )
    return (
        alt.Chart(bars, height=240, width="container")
        .mark_bar()
        .encode(
            x=alt.X("class:N", sort=names, axis=name_axis(names)),
            xOffset="metric:N",
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%")),
            color=alt.Color("metric:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=["class:N", "metric:N", percent("share")],
        )
    )


def compared_curves(versions: Sequence[ModelVersion]) -> alt.Chart:
    """Draw the validation accuracy of each version after each epoch."""
    points = pl.DataFrame(
        [
            {"version": _label(version), "epoch": e.epoch, "accuracy": e.val_accuracy}
            for version in versions
            for e in version.history
        ]
    )
    return (
        alt.Chart(points, height=220, width="container")
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:O", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "accuracy:Q",
                title="validation accuracy",
                axis=alt.Axis(format=_PERCENT_AXIS),
                scale=alt.Scale(zero=False),
            ),
            color=alt.Color(
                "version:N",
                title=None,
                legend=alt.Legend(orient="top", columns=2, labelLimit=_VERSION_LABEL_LIMIT),
            ),
            tooltip=["version:N", "epoch:O", percent("accuracy")],
        )
    )


def compared_recall(versions: Sequence[ModelVersion]) -> alt.LayerChart:
    """Draw the recall of each version (rows) on each class (columns), over all test images."""
    names = list(versions[0].class_names)
    cells = pl.DataFrame(
        [
            {"version": _label(version), "class": name, "recall": recall}
            for version in versions
            for name, recall in zip(names, version.metrics.recall, strict=True)
        ]
    )
    base = alt.Chart(cells, height=alt.Step(34), width="container").encode(
        x=alt.X("class:N", sort=names, title=None, axis=name_axis(names)),
        y=alt.Y("version:N", title=None, axis=row_axis(_VERSION_LABEL_LIMIT)),
        tooltip=["version:N", "class:N", percent("recall")],
    )
    return heat_map(base, cells["recall"])


def _label(version: ModelVersion) -> str:
    return f"{version.name} {version.id[:6]} ({version.metrics.accuracy:.1%})"
