"""The wire format of requests: image bytes with headers.

A request's value is the image itself, as raw uint8 pixels or as a PNG or JPEG file; everything
about it is in Kafka headers (UTF-8 text), so a reader can route or refuse a message without
touching its body. Raw images of one shape may share a message. It never carries the label.
docs/messages.md describes every header.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imageclass.data.limits import MAX_IMAGE_BYTES, check_size
from imageclass.messages.headers import (
    FORMAT_VERSION,
    MAX_IMAGES,
    Header,
    Headers,
    InvalidMessage,
    body_of,
    check_version,
    fields_of,
    ids_of,
    need,
    need_id,
    need_ids,
)

#: A run's requests share these headers, so they are decoded once for all of them.
_OF_A_RUN = frozenset({"version", "run", "dataset", "encoding", "shape", "dtype"})
_OF_A_REQUEST = frozenset({"request", "deadline"})
_FILE_ENCODINGS = ("png", "jpeg")


@dataclass(frozen=True, eq=False)
class Request:
    """An image to be classified, or several of one shape.

    Attributes:
        run: id of the run.
        request: id of the image's request; those of several images, separated by commas.
        body: the pixels, one image after another, or the bytes of a PNG or JPEG file.
        encoding: "raw", "png" or "jpeg".
        shape: (height, width, channels) of each image's raw pixels; None for a file.
        dataset: name of the data set whose classes are meant; empty if the sender named none.
        deadline_ms: when the answer is of no use any more, in milliseconds since 1970.
    """

    run: str
    request: str
    body: bytes
    encoding: str
    shape: tuple[int, int, int] | None = None
    dataset: str = ""
    deadline_ms: int | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """The id of each image."""
        return ids_of(self.request)

    @property
    def count(self) -> int:
        """The number of images."""
        return 1 + self.request.count(",")

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """The raw pixels, uint8 (images, height, width, channels); None for a file."""
        if self.shape is None:
            return None
        return np.frombuffer(self.body, np.uint8).reshape(-1, *self.shape)


def raw_request(
    run: str,
    request: str,
    image: NDArray[np.uint8],
    dataset: str = "",
    deadline_ms: int | None = None,
) -> Request:
    """Return a request for an array of pixels.

    Args:
        run: id of the run.
        request: id of the request.
        image: uint8, shape (height, width, channels).
        dataset: name of the data set whose classes are meant; empty for none.
        deadline_ms: when the answer is of no use any more, in milliseconds since 1970.

    Raises:
        ValueError: the array has another type or shape.
        ImageTooLarge: it is larger than `MAX_IMAGE_BYTES`.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(
            "A raw image must be uint8 of shape (height, width, channels), not"
            f" {image.dtype} of shape {image.shape}."
        )
    return raw_requests(run, [request], image[np.newaxis], dataset, deadline_ms)


def raw_requests(
    run: str,
    requests: Sequence[str],
    images: NDArray[np.uint8],
    dataset: str = "",
    deadline_ms: int | None = None,
) -> Request:
    """Return one request for n arrays of pixels.

    Args:
        run: id of the run.
        requests: n ids, of the images' requests.
        images: uint8, shape (n, height, width, channels).
        dataset: as in `raw_request`.
        deadline_ms: as in `raw_request`.

    Raises:
        ValueError: the array has another type or shape, or n is above `MAX_IMAGES`.
        ImageTooLarge: together they are larger than `MAX_IMAGE_BYTES`.
    """
    if len(requests) > MAX_IMAGES:
        raise ValueError(f"A message has {MAX_IMAGES} images at most, not {len(requests)}.")
    if images.dtype != np.uint8 or images.ndim != 4 or len(images) != len(requests):
        raise ValueError(
            f"{len(requests)} raw images must be uint8 of shape ({len(requests)}, height, width,"
            f" channels), not {images.dtype} of shape {images.shape}."
        )
    _, height, width, channels = images.shape
    check_size(images.nbytes)
    body = np.ascontiguousarray(images).tobytes()
    shape = (height, width, channels)
    return Request(run, ",".join(requests), body, "raw", shape, dataset, deadline_ms)


def file_request(
    run: str,
    request: str,
    body: bytes,
    encoding: str,
    dataset: str = "",
    deadline_ms: int | None = None,
) -> Request:
    """Return a request for the bytes of a PNG or JPEG file.

    Args:
        run: id of the run.
        request: id of the request.
        body: the file's bytes.
        encoding: "png" or "jpeg"; `data.image_files.image_encoding` tells which.
        dataset: name of the data set whose classes are meant; empty for none.
        deadline_ms: when the answer is of no use any more, in milliseconds since 1970.

    Raises:
        ValueError: `encoding` is neither of the two.
        ImageTooLarge: the file is larger than `MAX_IMAGE_BYTES`.
    """
    if encoding not in _FILE_ENCODINGS:
        raise ValueError(f"encoding must be one of {', '.join(_FILE_ENCODINGS)}, not {encoding!r}.")
    check_size(len(body))
    return Request(run, request, body, encoding, None, dataset, deadline_ms)


def encode_request(request: Request) -> tuple[bytes, Headers]:
    """Return value and headers of the Kafka message for a request."""
    headers = {
        "version": FORMAT_VERSION,
        "run": request.run,
        "request": request.request,
        "encoding": request.encoding,
    }
    if request.dataset:
        headers["dataset"] = request.dataset
    if request.shape is not None:
        headers["shape"] = ",".join(map(str, request.shape))
        headers["dtype"] = "uint8"
    if request.deadline_ms is not None:
        headers["deadline"] = str(request.deadline_ms)
    return request.body, [(name, value.encode()) for name, value in headers.items()]


def decode_request(value: bytes | None, headers: Iterable[Header] | None) -> Request:
    """Return the request in a Kafka message. A file is not decoded.

    Raises:
        InvalidMessage: something is missing, or does not fit together.
    """
    common: list[Header] = []
    own: list[Header] = []
    for header in headers or ():  # others are not ours; tracing tools, for example, add some
        if header[0] in _OF_A_RUN:
            common.append(header)
        elif header[0] in _OF_A_REQUEST:
            own.append(header)
    run, dataset, encoding, shape = _about(tuple(common))
    fields = fields_of(own)
    request = need_ids(fields)
    count = 1 + request.count(",")
    deadline_ms = None
    if text := fields.get("deadline"):
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise InvalidMessage(f"deadline {text[:40]!r} is not milliseconds since 1970")
        deadline_ms = int(text)
    body = body_of(value, MAX_IMAGE_BYTES)
    if shape is None and count > 1:
        raise InvalidMessage(f"one file cannot be {count} images")
    if shape is not None and (size := count * shape[0] * shape[1] * shape[2]) != len(body):
        images = f"{count} of shape" if count > 1 else "shape"
        raise InvalidMessage(
            f"{images} {','.join(map(str, shape))} needs {size} bytes, the message has {len(body)}"
        )
    return Request(run, request, body, encoding, shape, dataset, deadline_ms)


@lru_cache(maxsize=256)
def _about(headers: tuple[Header, ...]) -> tuple[str, str, str, tuple[int, int, int] | None]:
    """Return run, data set, encoding and shape, from the headers that a run's requests share."""
    fields = fields_of(headers)
    check_version(fields)
    run = need_id(fields, "run")
    dataset = need_id(fields, "dataset") if fields.get("dataset") else ""
    encoding = need(fields, "encoding")
    if encoding in _FILE_ENCODINGS:
        return run, dataset, encoding, None
    if encoding != "raw":
        raise InvalidMessage(f"encoding {encoding[:40]!r} is none of raw, png, jpeg")
    if (dtype := need(fields, "dtype")) != "uint8":
        raise InvalidMessage(f"dtype {dtype[:40]!r} of raw pixels is not uint8")
    text = need(fields, "shape")
    if not re.fullmatch(r"[1-9][0-9]{0,6},[1-9][0-9]{0,6},[1-4]", text):
        raise InvalidMessage(f"shape {text[:40]!r} is not height,width,channels")
    height, width, channels = map(int, text.split(","))
    return run, dataset, encoding, (height, width, channels)
