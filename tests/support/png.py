"""PNG files made by hand: what no writer at hand writes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
# Adam7: first column and row, and the steps, of each pass.
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
    (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip


def png(
    samples: np.ndarray,
    colour: int,
    depth: int,
    *,
    palette: Sequence[tuple[int, int, int]] = (),
    transparent: bytes = b"",
    interlaced: bool = False,
    extra: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """Return a PNG file.

    Args:
        samples: unsigned, shape (height, width, channels), of `depth` bits.
        colour: the colour type.
        depth: bits of a sample.
        palette: the colours of a palette.
        transparent: content of the chunk tRNS, if there is to be one.
        interlaced: in seven passes.
        extra: more chunks, before the pixels.
    """
    height, width, _ = samples.shape
    rows = b""
    for column, row, right, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        part = samples[row::down, column::right]
        if part.size:
            rows += b"".join(b"\0" + _packed(line.ravel(), depth) for line in part)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    chunks = [(b"IHDR", header)]
    if palette:
        chunks.append((b"PLTE", b"".join(map(bytes, palette))))
    if transparent:
        chunks.append((b"tRNS", transparent))
    chunks += [*extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(name, content) for name, content in chunks)


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    sum_ = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + sum_


def _packed(line: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return line.astype(">u2").tobytes()
    if depth == 8:
        return line.astype(np.uint8).tobytes()
    bits = ((line[:, None].astype(np.uint8) >> np.arange(depth - 1, -1, -1)) & 1).ravel()
    return np.packbits(bits.astype(np.uint8)).tobytes()
