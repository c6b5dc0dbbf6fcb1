"""Charts and pictures of what was learned; those of what was judged are in `verdict_charts`."""

from collections.abc import Sequence
from dataclasses import asdict

import altair as alt
import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from imageclass.training import Epoch


def picture(image: NDArray[np.uint8], size: int = 96) -> Image.Image:
    """`image`, uint8 (height, width, channels) with 1 or 3 channels, enlarged to `size` pixels a
    side without smoothing, so that its own pixels can be seen."""
    pixels = image[..., 0] if image.shape[-1] == 1 else image
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)


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
