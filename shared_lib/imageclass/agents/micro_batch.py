"""A micro-batch: records that were taken together, made ready for the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from numpy.typing import NDArray

from imageclass.agents.canary import Serving
from imageclass.data import image_files
from imageclass.data.limits import MAX_IMAGE_BYTES
from imageclass.kafka.record_batches import Undecodable
from imageclass.kafka.record_decoder import UnreadableHeaders
from imageclass.messages.dead_letters import Record
from imageclass.messages.headers import Header, InvalidMessage
from imageclass.messages.requests import Request, decode_request

#: The most bytes of messages in a batch: an agent holds some batches at once.
MAX_BATCH_BYTES = 16 * 1024 * 1024


@dataclass
class Batch:
    """Requests with their records and pixels, side by side, and what was sorted out.

    Attributes:
        records: all records that were taken together.
        serving: the batch was made ready for its image shape and data set.
        requests: what the model is to answer.
        origins: the record of each request.
        pixels: the images of each request, as the model's bytes.
        invalid: records that cannot be decoded, with the reason.
        expired: records whose deadline has passed, with a sentence about it.
        skipped: number of images for another data set.
        unacked: number of the batch's messages that the broker has not acknowledged yet.
        failed: why a message could not be delivered, else None.
    """

    records: Sequence[Record]
    serving: Serving
    requests: list[Request] = field(default_factory=list)
    origins: list[Record] = field(default_factory=list)
    pixels: list[bytes] = field(default_factory=list)
    invalid: list[tuple[Record, str]] = field(default_factory=list)
    expired: list[tuple[Record, str]] = field(default_factory=list)
    skipped: int = 0
    unacked: int = 0
    failed: object = None

    @property
    def count(self) -> int:
        """The number of images that the model is to answer."""
        return sum(request.count for request in self.requests)

    @property
    def received(self) -> int:
        """The number of images, also of those that were sorted out; a damaged record is one."""
        return self.count + len(self.invalid) + self.late + self.skipped

    @property
    def late(self) -> int:
        """The number of images whose deadline has passed."""
        return sum(record.images for record, _ in self.expired)

    @property
    def images(self) -> NDArray[np.uint8]:
        """The requests' images, uint8 (n, height, width, channels)."""
        shape = self.serving.classifier.image_shape
        return np.frombuffer(b"".join(self.pixels), np.uint8).reshape(-1, *shape)

    def fits(self, serving: Serving) -> bool:
        """Return whether another model takes the batch as it is."""
        return (
            serving.classifier.image_shape == self.serving.classifier.image_shape
            and serving.dataset == self.serving.dataset
        )

    def expire(self, now_ms: float) -> None:
        """Sort out the requests whose deadline has passed.

        Args:
            now_ms: the time, in milliseconds since 1970.
        """
        late = [r.deadline_ms is not None and r.deadline_ms < now_ms for r in self.requests]
        if not any(late):
            return
        for request, record, is_late in zip(self.requests, self.origins, late, strict=True):
            if is_late and request.deadline_ms is not None:
                seconds = (now_ms - request.deadline_ms) / 1000
                self.expired.append((record, f"expired {seconds:.1f} s before its turn"))
        groups: tuple[list, ...] = (self.requests, self.origins, self.pixels)
        for group in groups:
            group[:] = [item for item, gone in zip(group, late, strict=True) if not gone]

    def next_offsets(self) -> list[TopicPartition]:
        """Return the offset behind this batch for each of its partitions."""
        ends = {}
        for record in self.records:
            last = record.offset if record.last is None else record.last
            ends[record.topic, record.partition] = last + 1
        return [TopicPartition(topic, number, end) for (topic, number), end in ends.items()]

    def on_delivery(self, error: object, message: object) -> None:
        """Take the broker's acknowledgement of one message, as the producer's callback."""
        self.unacked -= 1
        self.failed = error or self.failed


def record_of(read: ConsumerRecord) -> Record:
    """Return what a consumer has read as a record.

    A value that is too large for a request is not kept.
    """
    place = read.topic, read.partition, read.offset
    headers: list[Header] | None = read.headers
    fault = ""
    if isinstance(headers, UnreadableHeaders):
        fault = f"its headers cannot be read: {headers.error}"
        headers = None
    if read.serialized_value_size > MAX_IMAGE_BYTES:
        size = read.serialized_value_size
        fault = fault or f"{size} bytes are more than the {MAX_IMAGE_BYTES} allowed"
        return Record(*place, None, headers, fault, size=size)
    named = next((value for name, value in headers or () if name == "request"), None) or b""
    return Record(*place, read.value, headers, fault, images=1 + named.count(b","))


def record_of_undecodable(undecodable: Undecodable) -> Record:
    """Return records that nobody can decode as one, with the batch that they are in."""
    (topic, number), first, last, reason, raw = undecodable
    if (count := last - first + 1) > 1:
        reason = f"{count:,} records: {reason}"
    return Record(topic, number, first, raw, None, reason, last=last)


def prepare(records: Sequence[Record], serving: Serving) -> Batch:
    """Make records ready for a model.

    Args:
        records: what was taken together.
        serving: the model.

    Returns:
        Their batch; records that cannot be decoded are `invalid`, those for another data set only
        counted.
    """
    batch = Batch(records, serving)
    shape, dataset = serving.classifier.image_shape, serving.dataset
    for record in records:
        if record.fault:
            batch.invalid.append((record, record.fault))
            continue
        try:
            request = decode_request(record.value, record.headers)
            if dataset and request.dataset and request.dataset != dataset:
                batch.skipped += request.count
                continue
            ready = request.shape == shape
            pixels = request.body if ready else decode_images(request, shape).tobytes()
        except InvalidMessage as reason:
            batch.invalid.append((record, str(reason)))
            continue
        batch.requests.append(request)
        batch.origins.append(record)
        batch.pixels.append(pixels)
    return batch


def decode_images(request: Request, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return a request's images for a model.

    A PNG or JPEG is scaled and turned to grey or colour; raw pixels must have the shape already.

    Args:
        request: the request.
        shape: (height, width, channels) that the model takes.

    Returns:
        The images, uint8 (n, *shape).

    Raises:
        InvalidMessage: they have another shape, or cannot be decoded.
    """
    if request.pixels is None:
        try:
            return image_files.decode_image(request.body, request.encoding, shape)[np.newaxis]
        except image_files.InvalidImage as error:
            raise InvalidMessage(str(error)) from error
    if request.shape != shape:
        raise InvalidMessage(f"image of shape {request.shape}, the model takes {shape}")
    return request.pixels
