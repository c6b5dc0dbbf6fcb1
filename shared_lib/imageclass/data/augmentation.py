"""Change training images a little in every epoch, so that a network learns what stays the same.

It works on the data alone, in NumPy: a saved model holds nothing of it, and its draws depend on
the generator that it is given, not on any global seed.
"""

import numpy as np
from numpy.typing import NDArray


def augmented(
    images: NDArray[np.uint8], generator: np.random.Generator, *, mirror: bool
) -> NDArray[np.uint8]:
    """Return images that are shifted and, with `mirror`, half of them flipped, at random.

    A shift is up to a twelfth of the image's size, one pixel at least; black comes in from the
    edge.

    Args:
        images: uint8, shape (n, height, width, channels).
        generator: draws the shifts and flips.
        mirror: flip left to right.

    Returns:
        A new array of the same shape.
    """
    count, height, width, _ = images.shape
    reach = max(1, round(max(height, width) / 12))
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    top, left = generator.integers(0, 2 * reach + 1, (2, count, 1))
    rows, columns = top + np.arange(height), left + np.arange(width)
    if mirror:
        flipped = generator.random(count) < 0.5
        columns[flipped] = columns[flipped, ::-1]
    return padded[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
