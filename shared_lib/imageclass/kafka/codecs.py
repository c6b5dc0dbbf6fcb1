"""Decompress a batch of records up to a limit: a few kilobytes can hold gigabytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

import lz4.frame
import snappy
import zstandard

#: The most bytes that a batch of records may decompress to. Producers keep a batch to about 1 MiB.
MAX_BATCH_BYTES = 16 * 1024 * 1024

_GZIP_WBITS = 31
_XERIAL_MAGIC = b"\x82SNAPPY\x00"  # snappy-java's framing
_XERIAL_HEADER_BYTES = 16


class Undecompressable(ValueError):
    """A batch cannot be decompressed, or holds too much; the text is the reason."""


def decompress(codec: int, data: bytes) -> bytes:
    """Decompress the records of a batch.

    Args:
        codec: Kafka's number of it: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        data: the compressed records.

    Returns:
        The records, `MAX_BATCH_BYTES` at most.

    Raises:
        Undecompressable: the codec is unknown, the data is damaged, or it holds more than that.
    """
    if codec == 0:
        return data
    if codec not in _CODECS:
        raise Undecompressable(f"its codec {codec} is unknown")
    name, decode = _CODECS[codec]
    try:
        records = decode(data, MAX_BATCH_BYTES + 1)
    except Undecompressable:
        raise
    except Exception as error:  # each library has its own kinds
        raise Undecompressable(f"its {name} data is damaged: {error}") from error
    if len(records) > MAX_BATCH_BYTES:
        raise _too_large(name)
    return records


def _too_large(name: str) -> Undecompressable:
    return Undecompressable(
        f"its {name} data holds more than {MAX_BATCH_BYTES // 2**20} MiB, and no producer of"
        " images sends so much at once"
    )


def _gzip(data: bytes, limit: int) -> bytes:
    records = b""
    while data and len(records) < limit:  # a file may have several members
        member = zlib.decompressobj(_GZIP_WBITS)
        records += member.decompress(data, limit - len(records))
        if len(records) < limit and not member.eof:
            raise ValueError("it is cut off")
        data = member.unused_data
    return records


def _snappy(data: bytes, limit: int) -> bytes:
    if not data.startswith(_XERIAL_MAGIC):
        return _snappy_block(data, limit)
    records, position = b"", _XERIAL_HEADER_BYTES
    while position < len(data):
        (size,) = struct.unpack_from(">i", data, position)
        position += 4
        if not 0 < size <= len(data) - position:
            raise ValueError(f"a block of {size} bytes")
        records += _snappy_block(data[position : position + size], limit - len(records))
        position += size
    return records


def _snappy_block(data: bytes, limit: int) -> bytes:
    """Decompress one block, which begins with its decompressed size as a varint."""
    size = 0
    for place, byte in enumerate(data[:5]):
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    if size >= limit:
        raise _too_large("snappy")
    return bytes(snappy.uncompress(data))


def _lz4(data: bytes, limit: int) -> bytes:
    frame = lz4.frame.LZ4FrameDecompressor()
    records = frame.decompress(data, max_length=limit)
    if len(records) < limit and not frame.eof:
        raise ValueError("it is cut off")
    return records


def _zstd(data: bytes, limit: int) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return reader.read(limit)


_CODECS: Mapping[int, tuple[str, Callable[[bytes, int], bytes]]] = MappingProxyType(
    {1: ("gzip", _gzip), 2: ("snappy", _snappy), 3: ("lz4", _lz4), 4: ("zstd", _zstd)}
)
