"""Every kind of pixel becomes the plain 8-bit picture that people see, or is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from imageclass.data.image_files import InvalidImage, decode_image
from imageclass.data.image_modes import flatten
from PIL import Image, ImageCms

from tests.support import png
from tests.support.png import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA

SIDE = 8
# A gradient to read from, and a shape in its middle.
RAMP = np.linspace(0, 255, SIDE * SIDE).round().astype(np.uint8).reshape(SIDE, SIDE)
SHAPE = np.zeros((SIDE, SIDE), bool)
SHAPE[2:6, 3:7] = True
COLOURS = np.dstack([RAMP, RAMP[::-1], np.full_like(RAMP, 90)])
ALPHA = np.where(SHAPE, 255, 0).astype(np.uint8)
ON_WHITE = np.where(SHAPE[..., None], COLOURS, 255).astype(np.uint8)
GREY_ON_WHITE = np.where(SHAPE, RAMP, 255).astype(np.uint8)


def decoded(body: bytes, channels: int, encoding: str = "png") -> np.ndarray:
    return decode_image(body, encoding, (SIDE, SIDE, channels)).astype(int)


def saved(image: Image.Image, encoding: str = "png", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, encoding, **options)
    return file.getvalue()


def luma(colours: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(colours.astype(np.uint8)).convert("L"))


def looks_like(body: bytes, plain: np.ndarray, within: int = 1) -> None:
    """Assert that a file is decoded as the plain picture, for models of one and of three channels."""
    colour = plain if plain.ndim == 3 else np.dstack([plain] * 3)
    assert np.abs(decoded(body, 3) - colour).max() <= within
    assert np.abs(decoded(body, 1)[..., 0] - luma(colour)).max() <= within


# The mode of a Pillow image, how it is made, and the plain picture that it is.
MODES = {
    "1": (lambda: Image.fromarray(RAMP > 127), np.where(RAMP > 127, 255, 0)),
    "L": (lambda: Image.fromarray(RAMP), RAMP),
    "LA": (lambda: Image.fromarray(np.dstack([RAMP, ALPHA])), GREY_ON_WHITE),
    "La": (lambda: Image.fromarray(np.dstack([RAMP, ALPHA])).convert("La"), GREY_ON_WHITE),
    "P": (lambda: Image.fromarray(RAMP).convert("P"), RAMP),
    "PA": (lambda: _palette_with_alpha(), GREY_ON_WHITE),
    "RGB": (lambda: Image.fromarray(COLOURS), COLOURS),
    "RGBA": (lambda: Image.fromarray(np.dstack([COLOURS, ALPHA])), ON_WHITE),
    "RGBa": (lambda: Image.fromarray(np.dstack([COLOURS, ALPHA])).convert("RGBa"), ON_WHITE),
    "RGBX": (lambda: Image.fromarray(COLOURS).convert("RGBX"), COLOURS),
    "CMYK": (lambda: Image.fromarray(COLOURS).convert("CMYK"), COLOURS),
    "YCbCr": (lambda: Image.fromarray(COLOURS).convert("YCbCr"), COLOURS),
    "HSV": (lambda: Image.fromarray(COLOURS).convert("HSV"), COLOURS),
    "LAB": (lambda: Image.new("LAB", (SIDE, SIDE)), None),
    "I": (lambda: Image.fromarray(RAMP.astype(np.int32)), None),
    "I;16": (lambda: Image.fromarray(RAMP.astype(np.uint16) * 257), RAMP),
    "F": (lambda: Image.fromarray(RAMP.astype(np.float32)), None),
}


def _palette_with_alpha() -> Image.Image:
    image = Image.fromarray(RAMP).convert("P").convert("PA")
    image.putalpha(Image.fromarray(ALPHA))
    return image


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_becomes_its_plain_picture_or_is_refused(mode: str, channels: int) -> None:
    make, plain = MODES[mode]
    image = make()
    assert image.mode == mode
    if plain is None:
        with pytest.raises(ValueError, match=f"of mode {mode}; save it with 8 bits"):
            flatten(image, channels)
        return
    wanted = plain if plain.ndim == 3 else np.dstack([plain] * 3)
    wanted = luma(wanted) if channels == 1 else wanted
    result = np.asarray(flatten(image, channels)).astype(int)
    assert np.abs(result - wanted).max() <= (6 if mode in ("HSV", "YCbCr") else 1)


def test_the_list_of_modes_is_pillows_own() -> None:
    from PIL import ImageMode

    for mode in MODES:
        assert ImageMode.getmode(mode).mode == mode


@pytest.mark.parametrize("mode", [mode for mode, (_, plain) in MODES.items() if plain is not None])
def test_what_pillow_writes_is_read_as_its_plain_picture(mode: str) -> None:
    make, plain = MODES[mode]
    for encoding, within in (("png", 1), ("jpeg", 25)):
        try:
            body = saved(make(), encoding, **({"quality": 100} if encoding == "jpeg" else {}))
        except OSError:
            continue  # the format has no such mode
        result = decoded(body, 3, encoding)
        wanted = plain if plain.ndim == 3 else np.dstack([plain] * 3)
        assert np.abs(result - wanted).mean() <= within


# What Pillow does not write, or not so.
WIDE = RAMP.astype(np.uint16) * 257
KEYED = np.where(SHAPE, RAMP, 3).astype(np.uint8)  # 3 is the transparent grey
KEYED_COLOURS = np.where(SHAPE[..., None], COLOURS, 7).astype(np.uint8)
STEPS = {depth: np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 2**depth for depth in (1, 2, 4)}
INK = ((255, 0, 0), (0, 128, 0), (10, 20, 30), (200, 200, 40))
INKED = np.array(INK)[STEPS[2]]


def _steps(depth: int, without: int | None = None) -> np.ndarray:
    shown = STEPS[depth] * 255 // (2**depth - 1)
    return np.where(STEPS[depth] == without, 255, shown)


def _key(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


HAND_MADE = {
    "16-bit grey": (WIDE[..., None], GREY, 16, {}, RAMP),
    "16-bit grey, low values": (np.full((8, 8, 1), 300, np.uint16), GREY, 16, {}, RAMP * 0 + 1),
    "16-bit RGB": (COLOURS.astype(np.uint16) * 257, RGB, 16, {}, COLOURS),
    "16-bit grey and alpha": (
        np.dstack([WIDE, ALPHA.astype(np.uint16) * 257]), GREY_ALPHA, 16, {}, GREY_ON_WHITE,
    ),
    "16-bit RGB and alpha": (
        np.dstack([COLOURS, ALPHA]).astype(np.uint16) * 257, RGB_ALPHA, 16, {}, ON_WHITE,
    ),
    "16-bit grey with a transparent value": (
        KEYED[..., None].astype(np.uint16) * 257, GREY, 16,
        {"transparent": _key(3 * 257)}, GREY_ON_WHITE,
    ),
    "16-bit RGB with a transparent colour": (
        KEYED_COLOURS.astype(np.uint16) * 257, RGB, 16,
        {"transparent": _key(*[7 * 257] * 3)}, ON_WHITE,
    ),
    "8-bit grey with a transparent value": (
        KEYED[..., None], GREY, 8, {"transparent": _key(3)}, GREY_ON_WHITE,
    ),
    "8-bit RGB with a transparent colour": (
        KEYED_COLOURS, RGB, 8, {"transparent": _key(7, 7, 7)}, ON_WHITE,
    ),
    "half transparent": (
        np.dstack([RAMP * 0, RAMP * 0 + 128]), GREY_ALPHA, 8, {}, RAMP * 0 + 127,
    ),
    "1 bit": (STEPS[1][..., None], GREY, 1, {}, _steps(1)),
    "2 bits": (STEPS[2][..., None], GREY, 2, {}, _steps(2)),
    "4 bits": (STEPS[4][..., None], GREY, 4, {}, _steps(4)),
    "1 bit with a transparent value": (
        STEPS[1][..., None], GREY, 1, {"transparent": _key(0)}, _steps(1, without=0),
    ),
    "2 bits with a transparent value": (
        STEPS[2][..., None], GREY, 2, {"transparent": _key(1)}, _steps(2, without=1),
    ),
    "4 bits with a transparent value": (
        STEPS[4][..., None], GREY, 4, {"transparent": _key(5)}, _steps(4, without=5),
    ),
    "palette": (STEPS[2][..., None], PALETTE, 2, {"palette": INK}, INKED),
    "palette with alpha": (
        STEPS[2][..., None], PALETTE, 2, {"palette": INK, "transparent": b"\xff\x00"},
        np.where(STEPS[2][..., None] == 1, 255, INKED),
    ),
    "palette with half alpha": (
        STEPS[2][..., None] * 0, PALETTE, 8, {"palette": [(0, 0, 0)], "transparent": b"\x80"},
        RAMP * 0 + 127,
    ),
    "interlaced": (COLOURS, RGB, 8, {"interlaced": True}, COLOURS),
    "interlaced 16-bit grey": (WIDE[..., None], GREY, 16, {"interlaced": True}, RAMP),
}  # fmt: skip


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_files_look_like_their_plain_picture(name: str) -> None:
    samples, colour, depth, options, plain = HAND_MADE[name]
    looks_like(png.png(samples, colour, depth, **options), np.asarray(plain))


def _profile() -> bytes:
    """Return a profile in which red and green change their places."""
    swapped = ImageCms.createProfile("sRGB")
    content = bytearray(ImageCms.ImageCmsProfile(swapped).tobytes())
    red, green = content.index(b"rXYZ"), content.index(b"gXYZ")
    content[red : red + 4], content[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(content)


def test_colours_with_a_profile_become_those_of_srgb() -> None:
    swapped = COLOURS[..., [1, 0, 2]]
    for profile, wanted in ((_profile(), swapped), (b"damaged", COLOURS), (b"", COLOURS)):
        body = saved(Image.fromarray(COLOURS), icc_profile=profile)
        assert np.abs(decoded(body, 3) - wanted).max() <= 2, profile[:8]
    # A profile for colours says nothing about an image of greys.
    looks_like(saved(Image.fromarray(RAMP), icc_profile=_profile()), RAMP)
    body = saved(Image.fromarray(COLOURS), "jpeg", quality=100, subsampling=0, icc_profile=_profile())
    assert np.abs(decoded(body, 3, "jpeg") - swapped).mean() <= 4


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "P"])
def test_every_mode_is_turned_upright(mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    make, plain = MODES[mode]
    looks_like(saved(make(), exif=exif), np.asarray(plain)[::-1, ::-1])


def test_damaged_exif_data_turns_nothing() -> None:
    looks_like(png.png(COLOURS, RGB, 8, extra=[(b"eXIf", b"II*\0\xff\xff\xff\xff")]), COLOURS)


def test_the_first_picture_of_an_animation_counts() -> None:
    first, second = Image.fromarray(COLOURS), Image.fromarray(COLOURS[::-1])
    looks_like(saved(first, save_all=True, append_images=[second], duration=100), COLOURS)
    # The picture of those that cannot play it, which is none of the animation's.
    body = saved(first, save_all=True, append_images=[second, second], default_image=True)
    looks_like(body, COLOURS)
    clear = Image.fromarray(np.dstack([COLOURS, ALPHA]))
    looks_like(saved(clear, save_all=True, append_images=[clear.rotate(90)]), ON_WHITE)


def test_a_shape_in_alpha_alone_is_seen() -> None:
    """Black all over; only the transparency tells what is there."""
    drawn = np.where(SHAPE, 0, 255)
    looks_like(saved(Image.fromarray(np.dstack([COLOURS * 0, ALPHA]))), drawn)
    looks_like(saved(Image.fromarray(np.dstack([RAMP * 0, ALPHA]))), drawn)


def test_a_cut_off_file_is_refused_with_the_reason() -> None:
    body = png.png(np.random.default_rng(0).integers(0, 65536, (8, 8, 1)), GREY, 16)
    with pytest.raises(InvalidImage, match="undecodable png image"):
        decode_image(body[:-60], "png", (8, 8, 1))
