"""The wire format: image bytes with headers in, probabilities with headers out.

A request's value is the image itself, as raw uint8 pixels or as a PNG or JPEG file; everything
about it is in Kafka headers (UTF-8 text), so a reader can route or refuse a message without
touching its body. It never carries the label. A prediction's value is the probabilities, one
little-endian float32 for each class.

| header    | request                         | prediction                         |
|-----------|---------------------------------|------------------------------------|
| `version` | format version, `1`             | the same                           |
| `run`     | id of the run it belongs to     | copied from the request            |
| `request` | id of the request               | copied from the request            |
| `dataset` | whose classes are asked for, may be missing | -                      |
| `deadline`| milliseconds since 1970 after which nobody wants the answer, may be missing | - |
| `encoding`| `raw`, `png` or `jpeg`          | -                                  |
| `shape`   | raw only: `height,width,channels` | -                                |
| `dtype`   | raw only: `uint8`               | `float32`                          |
| `agent`   | -                               | name of the agent that answers     |
| `model`   | -                               | hash of its model, may be missing  |
| `classes` | -                               | number of probabilities            |
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from imageclass.data.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, check_size
from imageclass.messages.headers import (
    FORMAT_VERSION,
    Header,
    Headers,
    InvalidMessage,
    body_of,
    check_version,
    fields_of,
    need,
    need_id,
)

#: A run's requests share these headers, so they are understood once for all of them.
_OF_A_RUN = frozenset({"version", "run", "dataset", "encoding", "shape", "dtype"})
_OF_A_REQUEST = frozenset({"request", "deadline"})
_ENCODINGS = {"png": "PNG", "jpeg": "JPEG"}  # header value -> Pillow's name


@dataclass(frozen=True, eq=False)
class Request:
    """One image to be classified. `shape` is (height, width, channels) of raw pixels and None
    for an encoded image; `dataset` is empty when the sender named none. `deadline_ms`: when the
    answer is of no use any more, in milliseconds since 1970."""

    run: str
    request: str
    body: bytes
    encoding: str
    shape: tuple[int, int, int] | None = None
    dataset: str = ""
    deadline_ms: int | None = None


def raw_request(
    run: str,
    request: str,
    image: NDArray[np.uint8],
    dataset: str = "",
    deadline_ms: int | None = None,
) -> Request:
    """A request for an array of pixels, uint8 (height, width, channels).

    Raises `ValueError` for another type or shape, `ImageTooLarge` above `MAX_IMAGE_BYTES`.
    """
    if image.dtype != np.uint8 or image.ndim != 3:
        raise ValueError(
            "A raw image must be uint8 of shape (height, width, channels), not"
            f" {image.dtype} of shape {image.shape}."
        )
    height, width, channels = image.shape
    check_size(image.nbytes)
    body = np.ascontiguousarray(image).tobytes()
    return Request(run, request, body, "raw", (height, width, channels), dataset, deadline_ms)


def file_request(
    run: str, request: str, body: bytes, dataset: str = "", deadline_ms: int | None = None
) -> Request:
    """A request for the bytes of a PNG or JPEG file.

    Raises `ValueError` if they are neither, `ImageTooLarge` above `MAX_IMAGE_BYTES`.
    """
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        encoding = "png"
    elif body.startswith(b"\xff\xd8\xff"):
        encoding = "jpeg"
    else:
        raise ValueError("The file is neither PNG nor JPEG; save it as one of them.")
    check_size(len(body))
    return Request(run, request, body, encoding, None, dataset, deadline_ms)


def encode_request(request: Request) -> tuple[bytes, Headers]:
    """Value and headers of the Kafka message for `request`."""
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
    """The request in a Kafka message; its image is not unfolded yet (see `decode_image`).

    Raises `InvalidMessage` if anything is missing or does not fit together.
    """
    common: list[Header] = []
    own: list[Header] = []
    for header in headers or ():  # the others are not ours: tracing tools, for one, add their own
        if header[0] in _OF_A_RUN:
            common.append(header)
        elif header[0] in _OF_A_REQUEST:
            own.append(header)
    run, dataset, encoding, shape = _about(tuple(common))
    fields = fields_of(own)
    request = need_id(fields, "request")
    deadline_ms = None
    if text := fields.get("deadline"):
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise InvalidMessage(f"deadline {text[:40]!r} is not milliseconds since 1970")
        deadline_ms = int(text)
    body = body_of(value, MAX_IMAGE_BYTES)
    if shape is not None and (size := shape[0] * shape[1] * shape[2]) != len(body):
        raise InvalidMessage(
            f"shape {','.join(map(str, shape))} needs {size} bytes, the message has {len(body)}"
        )
    return Request(run, request, body, encoding, shape, dataset, deadline_ms)


@lru_cache(maxsize=256)
def _about(headers: tuple[Header, ...]) -> tuple[str, str, str, tuple[int, int, int] | None]:
    """Run, data set, encoding and shape in those headers of a request that its run shares."""
    fields = fields_of(headers)
    check_version(fields)
    run = need_id(fields, "run")
    dataset = need_id(fields, "dataset") if fields.get("dataset") else ""
    encoding = need(fields, "encoding")
    if encoding in _ENCODINGS:
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


def decode_image(request: Request, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The image of `request` as uint8 of `shape` (height, width, channels), for a model.

    Raw pixels must have that shape already; a PNG or JPEG is scaled and turned to grey or colour.
    Raises `InvalidMessage` if that cannot be done.
    """
    if request.shape is not None:
        if request.shape != shape:
            raise InvalidMessage(f"image of shape {request.shape}, the model takes {shape}")
        return np.frombuffer(request.body, np.uint8).reshape(shape)
    from PIL import Image, ImageOps, UnidentifiedImageError

    height, width, channels = shape
    try:
        with Image.open(io.BytesIO(request.body), formats=[_ENCODINGS[request.encoding]]) as file:
            if file.width * file.height > MAX_IMAGE_PIXELS:
                raise InvalidMessage(
                    f"image of {file.width} x {file.height} pixels, more than {MAX_IMAGE_PIXELS}"
                )
            upright = ImageOps.exif_transpose(file)
            picture = upright.convert("L" if channels == 1 else "RGB").resize((width, height))
    except InvalidMessage:
        raise
    except UnidentifiedImageError as error:  # its text is the address of a buffer
        raise InvalidMessage(f"undecodable {request.encoding} image: no image in it") from error
    # Pillow's decoders raise many kinds (OSError, SyntaxError, ValueError, struct.error,
    # DecompressionBombError, ...) for broken files; every one means the same here.
    except Exception as error:
        raise InvalidMessage(f"undecodable {request.encoding} image: {error}") from error
    return np.asarray(picture, np.uint8).reshape(shape)
