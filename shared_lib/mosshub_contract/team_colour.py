"""The team's colour, and the shades of it that can be read on light and on dark pages.

Contrast is that of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio): text needs 4.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: The least contrast between a text and what is behind it (WCAG 2.2 AA).
AA = 4.5
#: What text in a shade stands on, at worst: a light page's pale tint, a dark page's surface.
LIGHT_PAGE, DARK_PAGE = "#eef1ee", "#2b3035"
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_COLOUR = re.compile("#[0-9a-f]{6}")

_Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Shades of one colour, each as `#rrggbb`.

    Attributes:
        colour: the colour itself, for areas.
        on_colour: black or white, whichever can be read on it.
        light: the shade for links and marks on a light page.
        light_strong: the same, darker, for what the pointer is on.
        dark: the shade for a dark page.
        dark_strong: the same, lighter.
    """

    colour: str
    on_colour: str
    light: str
    light_strong: str
    dark: str
    dark_strong: str


def parse_colour(text: str) -> str:
    """Return a colour in lower case.

    Raises:
        ValueError: it is not of the form #rrggbb.
    """
    colour = text.strip().lower()
    if not _COLOUR.fullmatch(colour):
        raise ValueError("# and six hexadecimal digits, for example #2f7d46")
    return colour


def palette(colour: str) -> Palette:
    """Return the shades of a colour. All of them have the contrast that text needs.

    Args:
        colour: the colour as `#rrggbb`.
    """
    light = _readable(colour, LIGHT_PAGE, _BLACK)
    dark = _readable(colour, DARK_PAGE, _WHITE)
    white = contrast(colour, "#ffffff") >= contrast(colour, "#000000")
    return Palette(
        colour=colour,
        on_colour="#ffffff" if white else "#000000",
        light=light,
        light_strong=_mixed(light, _BLACK, 0.25),
        dark=dark,
        dark_strong=_mixed(dark, _WHITE, 0.35),
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 (none) to 21 (black and white)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _readable(colour: str, page: str, towards: _Rgb) -> str:
    """Return the colour, mixed with as much of black or white as it needs on a page."""
    shades = (_mixed(colour, towards, step / 50) for step in range(51))
    return next(shade for shade in shades if contrast(shade, page) >= AA)


def _mixed(colour: str, other: _Rgb, share: float) -> str:
    parts = (round(a + (b - a) * share) for a, b in zip(_rgb(colour), other, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*parts)


def _rgb(colour: str) -> _Rgb:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _luminance(colour: str) -> float:
    def linear(part: int) -> float:
        value = part / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = map(linear, _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
