"""Decompressing batches: every producer's framing, and no more than the limit."""

from __future__ import annotations

import gzip
import tracemalloc

import lz4.frame
import pytest
import zstandard
from imageclass.kafka import codecs
from imageclass.kafka.codecs import MAX_BATCH_BYTES, Undecompressable, decompress
from kafka import codec as kafka_codec

TEXT = b"records " * 10_000
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4


def _streamed() -> bytes:
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(TEXT) + compressor.flush()


COMPRESSED = {
    "none": (0, TEXT),
    "gzip": (GZIP, gzip.compress(TEXT)),
    "gzip of two members": (GZIP, gzip.compress(TEXT[:300]) + gzip.compress(TEXT[300:])),
    "snappy as Java frames it": (SNAPPY, kafka_codec.snappy_encode(TEXT)),
    "snappy without frames": (SNAPPY, kafka_codec.snappy_encode(TEXT, xerial_compatible=False)),
    "lz4": (LZ4, lz4.frame.compress(TEXT)),
    "lz4 that does not tell its size": (LZ4, lz4.frame.compress(TEXT, store_size=False)),
    "zstd": (ZSTD, zstandard.ZstdCompressor().compress(TEXT)),
    "zstd that does not tell its size": (ZSTD, _streamed()),
    "zstd of two frames": (
        ZSTD,
        zstandard.ZstdCompressor().compress(TEXT[:300])
        + zstandard.ZstdCompressor().compress(TEXT[300:]),
    ),
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_every_framing_is_decompressed(name: str) -> None:
    codec, data = COMPRESSED[name]
    assert decompress(codec, data) == TEXT


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_damaged_data_is_refused(codec: int) -> None:
    good = next(data for number, data in COMPRESSED.values() if number == codec)
    cut_off = good[: len(good) // 2]
    # Of zstd data that is cut off, what is there is returned; its last record is damaged then.
    for damaged in (b"\xff" * 40, good[:20] + b"\xff" * 30, *([] if codec == ZSTD else [cut_off])):
        with pytest.raises(Undecompressable, match=r"data (is damaged|holds more)"):
            decompress(codec, damaged)


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(Undecompressable, match="codec 7 is unknown"):
        decompress(7, TEXT)


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_no_more_is_decompressed_than_the_limit(codec: int) -> None:
    encode = {
        GZIP: gzip.compress,
        SNAPPY: kafka_codec.snappy_encode,
        LZ4: lz4.frame.compress,
        ZSTD: zstandard.ZstdCompressor().compress,
    }[codec]
    assert len(decompress(codec, encode(bytes(MAX_BATCH_BYTES)))) == MAX_BATCH_BYTES
    bomb = encode(bytes(10 * MAX_BATCH_BYTES))
    tracemalloc.start()
    with pytest.raises(Undecompressable, match="more than 16 MiB"):
        decompress(codec, bomb)
    assert tracemalloc.get_traced_memory()[1] < 3 * MAX_BATCH_BYTES
    tracemalloc.stop()


def test_a_block_that_claims_to_be_huge_is_refused_before_memory_is_taken() -> None:
    claim = b"\xff\xff\xff\xff\x0f" + b"\x00" * 20  # 4 GiB
    with pytest.raises(Undecompressable, match="more than 16 MiB"):
        codecs.decompress(SNAPPY, claim)
