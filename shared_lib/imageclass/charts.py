"""Charts and pictures of what was learned and judged."""

from collections.abc import Sequence
from dataclasses import asdict

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from imageclass.training import Epoch
from imageclass.verdicts import Verdicts

_RIGHT, _WRONG = "#2f855a", "#dd6b20"  # told apart also by the colour-blind


def picture(image: NDArray[np.uint8], size: int = 96) -> Image.Image:
    """`image`, uint8 (height, width, channels) with 1 or 3 channels, enlarged to `size` pixels a
    side without smoothing, so that its own pixels can be seen."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)


def right_and_wrong(verdicts: Verdicts) -> alt.Chart | alt.FacetChart:
    """Bars of how many images of each class were answered right and wrong, a panel per agent."""
    names = list(verdicts.dataset.class_names)
    angle = 0 if max(map(len, names)) <= 3 else -35
    counts = (
        verdicts.frame.with_columns(
            pl.col("label").replace_strict(range(len(names)), names, return_dtype=pl.String)
        )
        .group_by("agent", "label", "correct")
        .len("images")
        .with_columns(answer=pl.when("correct").then(pl.lit("right")).otherwise(pl.lit("wrong")))
    )
    chart = (
        alt.Chart(counts, height=240, width=520)
        .mark_bar()
        .encode(
            x=alt.X("label:N", sort=names, title="class", axis=alt.Axis(labelAngle=angle)),
            y=alt.Y("images:Q", title="images", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "answer:N",
                title=None,
                scale=alt.Scale(domain=["right", "wrong"], range=[_RIGHT, _WRONG]),
            ),
            order=alt.Order("answer:N"),
            tooltip=["agent:N", "label:N", "answer:N", "images:Q"],
        )
    )
    if len(verdicts.agents) == 1:
        return chart
    return chart.facet("agent:N", columns=2)


def learning_curve(history: Sequence[Epoch]) -> alt.Chart:
    """Accuracy after each epoch, on the images learned from and on those held back."""
    epochs = pl.DataFrame([asdict(epoch) for epoch in history])
    long = epochs.unpivot(
        ["accuracy", "val_accuracy"], index="epoch", variable_name="on", value_name="share"
    ).with_columns(pl.col("on").replace({"accuracy": "learned", "val_accuracy": "held back"}))
    return (
        alt.Chart(long, height=200, width=520)
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:O", title="epoch", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "share:Q", title="accuracy", axis=alt.Axis(format="%"), scale=alt.Scale(zero=False)
            ),
            color=alt.Color("on:N", title=None),
            tooltip=["epoch:O", "on:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
