"""What is told from an image file's bytes: its encoding, whether it is sound, and its pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from imageclass.data.image_files import InvalidImage, decode_image, image_encoding, verify_image
from imageclass.data.limits import MAX_IMAGE_PIXELS
from PIL import Image


def image(kind: str, size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (250, 10, 10)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_sound_file_is_known_and_decoded(kind: str) -> None:
    body = image(kind)
    verify_image(body)
    assert image_encoding(body) == kind.lower()
    colour = decode_image(body, kind.lower(), (10, 30, 3))
    assert (colour.shape, colour.dtype) == ((10, 30, 3), np.uint8)
    assert colour[..., 0].min() > 240
    assert decode_image(body, kind.lower(), (8, 8, 1)).max() < 100


def test_a_photograph_is_turned_upright() -> None:
    file = io.BytesIO()
    left_is_white = Image.new("L", (40, 20))
    left_is_white.paste(255, (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: its left is the top
    left_is_white.save(file, "JPEG", exif=exif)
    upright = decode_image(file.getvalue(), "jpeg", (40, 20, 1))
    assert upright[:10].min() > 240
    assert upright[-10:].max() < 20


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (image("GIF"), "neither PNG nor JPEG"),
        (b"", "neither PNG nor JPEG"),
        (image("PNG")[:50], "damaged or cut off"),
        (b"\xff\xd8\xff" + bytes(100), "damaged or cut off"),
        (image("PNG", (6000, 5000)), f"more than {MAX_IMAGE_PIXELS:,}"),
    ],
)
def test_an_unsound_file_is_refused_before_it_is_sent(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidImage, match=reason):
        image_encoding(body)
        verify_image(body)
