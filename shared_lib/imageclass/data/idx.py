"""The file format of MNIST and Fashion-MNIST."""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imageclass.data.dataset import DatasetError

_UNSIGNED_BYTES = 8  # code of the element type in the header


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Return the array in a gzipped IDX file of unsigned bytes.

    Raises:
        DatasetError: it is not such a file; the text names it.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:  # EOFError: a download that broke off
        raise DatasetError(f"{path} cannot be read: {error}. Install it again.") from error
    # Two zero bytes, the element type, the number of dimensions, then each dimension as a
    # big-endian 32-bit number.
    is_idx = len(data) >= 4 and data[:3] == bytes([0, 0, _UNSIGNED_BYTES])
    if not is_idx or len(data) < 4 + 4 * data[3]:
        raise DatasetError(f"{path} is not an IDX file of unsigned bytes. Install it again.")
    header = 4 + 4 * data[3]
    shape = np.frombuffer(data, ">u4", count=data[3], offset=4).astype(int)
    if len(data) != header + int(np.prod(shape)):
        raise DatasetError(f"{path} is cut off or too long. Install it again.")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
