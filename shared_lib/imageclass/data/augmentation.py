"""Images a little different in every epoch, so that a network learns what stays the same.

Part of the data path of training, in NumPy alone: a saved model holds nothing of it, and what it
draws depends on its own generator, not on any global seed.
"""

import numpy as np
from numpy.typing import NDArray


def augmented(
    images: NDArray[np.uint8], generator: np.random.Generator, *, mirror: bool
) -> NDArray[np.uint8]:
    """Each of `images`, uint8 (n, height, width, channels), shifted by up to a twelfth of its size
    (one pixel at least; black comes in from the edge) and, with `mirror`, every other one by lot
    flipped left to right. A new array of the same shape."""
    count, height, width, _ = images.shape
    reach = max(1, round(max(height, width) / 12))
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    top, left = generator.integers(0, 2 * reach + 1, (2, count, 1))
    rows, columns = top + np.arange(height), left + np.arange(width)
    if mirror:
        flipped = generator.random(count) < 0.5
        columns[flipped] = columns[flipped, ::-1]
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
