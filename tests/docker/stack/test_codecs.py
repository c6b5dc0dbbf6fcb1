"""The team's broker takes what producers compress, and people's readers read it."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.timeout(1800)

PROGRAM = """
import json, uuid
from confluent_kafka import Producer
from imageclass.kafka.connection import connect
from imageclass.kafka.inspect import peek
connection = connect()
topic = connection.topics.prefix + uuid.uuid4().hex[:8]
with connection.admin() as admin:
    admin.create_topics({topic: {"num_partitions": 1}})
    admin.wait_for_topics([topic], timeout_ms=10_000)
said = {}
for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    errors = []
    settings = {**connection.account.librdkafka_settings, "compression.type": codec}
    servers = ",".join(connection.bootstrap_servers)
    producer = Producer({"bootstrap.servers": servers, "message.timeout.ms": 15000, **settings})
    producer.produce(topic, codec.encode() * 100, on_delivery=lambda e, _: errors.append(e))
    producer.flush(20)
    read = bool(peek(connection, topic, 1)) and peek(connection, topic, 1)[0].value
    said[codec] = str(errors[0]) if errors[0] else read == codec.encode() * 100
print(json.dumps(said))
"""


def test_every_codec_of_a_producer_is_taken_and_read(ada):
    said = json.loads(ada.with_account(PROGRAM))
    assert said == {"none": True, "gzip": True, "snappy": True, "lz4": True, "zstd": True}
