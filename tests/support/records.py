"""Records that no client of ours would write: odd names, huge content, damage on the disk."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, Producer
from crc32c import crc32c
from embedded_kafka import EmbeddedBroker
from imageclass.kafka.connection import Connection

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")

_LENGTH_AT, _MAGIC_AT, _CRC_AT, _ATTRIBUTES_AT = 8, 16, 17, 21
_LAST_DELTA_AT, _COUNT_AT, _RECORDS_AT = 23, 57, 61

Damage = Callable[[bytearray], None]


class NotUtf8(str):
    """A header's name that kafka-python sends as these bytes, which are no text."""

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfebad"


def write(
    servers: str,
    topic: str,
    *batches: Sequence[bytes],
    codec: str = "none",
    key: bytes | None = None,
) -> None:
    """Write values to partition 0, batch by batch, of any size before it is compressed."""
    errors: list[KafkaError | None] = []
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "compression.type": codec,
            "linger.ms": 100,
            "message.max.bytes": 1_000_000_000,
        }
    )
    for values in batches:
        for value in values:
            producer.produce(
                topic, value, key, partition=0, on_delivery=lambda error, _: errors.append(error)
            )
        producer.flush(60)
    refused = [error.str() for error in errors if error is not None]
    assert not refused and len(errors) == sum(map(len, batches)), (refused, len(errors))


def write_odd_name(connection: Connection, topic: str, value: bytes) -> None:
    """Write a record with a header whose name is not UTF-8 to partition 0."""
    with connection.producer() as producer:
        headers = [("run", b"r"), (NotUtf8("bad"), b"1")]
        producer.send(topic, value, b"key", headers=headers, partition=0).get(30)


def damage(broker: EmbeddedBroker, damages: dict[str, Damage], batch: int = 1) -> None:
    """Change a batch of a topic's partition 0 on the disk, as a fault there would.

    Args:
        broker: restarted for it.
        damages: by topic, what is done to the bytes of the batch.
        batch: which batch of the partition.
    """
    broker.stop()
    for topic, change in damages.items():
        path = broker.data_dir / "log" / f"{topic}-0" / f"{0:020}.log"
        content, position = bytearray(path.read_bytes()), 0
        for _ in range(batch):
            position += 12 + struct.unpack_from(">i", content, position + _LENGTH_AT)[0]
        end = position + 12 + struct.unpack_from(">i", content, position + _LENGTH_AT)[0]
        part = content[position:end]
        change(part)
        assert len(part) == end - position
        content[position:end] = part
        path.write_bytes(content)
    broker.start()


def _sign(batch: bytearray) -> None:
    struct.pack_into(">I", batch, _CRC_AT, crc32c(bytes(batch[_ATTRIBUTES_AT:])))


def flip_a_bit(batch: bytearray) -> None:
    """The checksum does not fit any more."""
    batch[-3] ^= 1


def claim_codec_7(batch: bytearray) -> None:
    """No client knows such a codec."""
    struct.pack_into(">h", batch, _ATTRIBUTES_AT, 7)
    _sign(batch)


def spoil_content(batch: bytearray) -> None:
    """What is compressed cannot be decompressed."""
    assert batch[_ATTRIBUTES_AT + 1] & 7, "it is not compressed"
    batch[_RECORDS_AT : _RECORDS_AT + 8] = b"\xff" * 8
    _sign(batch)


def spoil_records(batch: bytearray) -> None:
    """The records are noise."""
    batch[_RECORDS_AT : _RECORDS_AT + 8] = b"\xff" * 8
    _sign(batch)


def claim_more_records(batch: bytearray) -> None:
    """There are fewer records than the batch says."""
    struct.pack_into(">i", batch, _COUNT_AT, 1_000)
    _sign(batch)


def claim_fewer_records(batch: bytearray) -> None:
    """There are more records than the batch says."""
    struct.pack_into(">i", batch, _COUNT_AT, 1)
    _sign(batch)


def claim_long_record(batch: bytearray) -> None:
    """The first record says that it is longer than it is."""
    batch[_RECORDS_AT] += 2
    _sign(batch)


def claim_format_9(batch: bytearray) -> None:
    """A format that comes after everybody's."""
    batch[_MAGIC_AT] = 9


def claim_a_wrong_end(batch: bytearray) -> None:
    """The checksum does not fit, and the last offset is before the first."""
    struct.pack_into(">i", batch, _LAST_DELTA_AT, -5)
