"""Turn an open image of any kind into plain 8-bit grey or sRGB, as people see it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_WHITE = 255
_PER_STEP = 257  # 65,535 / 255: how much of 16 bits is one step of 8
_NO_RANGE = ("I", "F")  # nothing says which of their numbers is white

# The modes that are converted to colour before anything else is done, and to which.
_FIRST: Mapping[str, str] = MappingProxyType(
    {"La": "LA", "RGBa": "RGBA", "PA": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
)
# The mode of an image that a profile of a colour space (ICC's name) is for.
_PROFILED: Mapping[str, str] = MappingProxyType({"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"})


def flatten(image: Image.Image, channels: int, bit_depth: int = 8) -> Image.Image:
    """Return an image as 8-bit grey or sRGB.

    16-bit grey is scaled. What is transparent is laid over white, as viewers and browsers show it;
    also for models of one channel. Colours with an ICC profile become those of sRGB; a profile
    that is damaged, or of another colour space, counts as none.

    Args:
        image: an open image of any mode. Of an animation the current frame counts.
        channels: 1 for grey, otherwise colour.
        bit_depth: bits of a sample in a PNG file, 1 to 16.

    Raises:
        ValueError: the image's mode has no fixed range, or no conversion; the text names it.
    """
    mode = image.mode
    if mode in _NO_RANGE or mode == "LAB":
        raise ValueError(f"its pixels are of mode {mode}; save it with 8 bits for each colour")
    profile = image.info.get("icc_profile")
    if mode.startswith("I;16"):
        image = _from_16_bit(image)
    elif mode in _FIRST:
        image = image.convert(_FIRST[mode])
    image = _over_white(image, bit_depth)
    if profile and (converted := _to_srgb(image, profile)) is not None:
        image = converted
    return image.convert("L" if channels == 1 else "RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    from PIL import Image

    samples = np.asarray(image, np.uint16)
    scaled = ((samples.astype(np.uint32) + _PER_STEP // 2) // _PER_STEP).astype(np.uint8)
    grey = Image.fromarray(scaled)
    key = image.info.get("transparency")
    if key is not None:
        opaque = Image.fromarray(np.where(samples == key, 0, _WHITE).astype(np.uint8))
        return Image.merge("LA", (grey, opaque))
    return grey


def _over_white(image: Image.Image, bit_depth: int) -> Image.Image:
    """Return an image without transparency."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB") if image.mode == "P" else image
    if (key := image.info.get("transparency")) is not None and image.mode in ("L", "RGB"):
        image.info["transparency"] = _key_of_8_bits(key, bit_depth)
    grey = image.mode in ("1", "L", "LA")
    image = image.convert("LA" if grey else "RGBA")
    plain = Image.new("L" if grey else "RGB", image.size, "white")
    plain.paste(image.convert(plain.mode), mask=image.getchannel("A"))
    return plain


def _key_of_8_bits(key: int | tuple[int, ...], bit_depth: int) -> int | tuple[int, ...]:
    """Return the transparent colour of a PNG file as its pixels are after decoding.

    WORKAROUND(pillow 13.0.0): it scales the samples of 2, 4 and 16 bits to 8, but not that colour.
    Test: test_hand_made_files_look_like_their_plain_picture
    """
    if isinstance(key, tuple):
        return tuple(part >> 8 for part in key) if bit_depth == 16 else key
    return key * _WHITE // (2**bit_depth - 1) if bit_depth in (2, 4) else key


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Return an image in sRGB; None if the profile is not for it, or damaged."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _PROFILED.get(source.profile.xcolor_space) != image.mode:
            return None
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (OSError, ImageCms.PyCMSError):
        return None
