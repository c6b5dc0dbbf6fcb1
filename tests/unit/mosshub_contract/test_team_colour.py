"""Every colour of a team gives pages that can be read."""

import itertools

import pytest
from mosshub_contract.team_colour import AA, contrast, palette, parse_colour

SOME = [
    f"#{r:02x}{g:02x}{b:02x}" for r, g, b in itertools.product((0, 60, 128, 200, 255), repeat=3)
]


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # known to just fail
    assert contrast("#123456", "#123456") == 1


def test_every_shade_can_be_read() -> None:
    for colour in SOME:
        shades = palette(colour)
        assert contrast(shades.on_colour, shades.colour) >= AA
        for shade in (shades.light, shades.light_strong):
            assert min(contrast(shade, page) for page in ("#ffffff", "#eef1ee")) >= AA
        for shade in (shades.dark, shades.dark_strong):
            assert min(contrast(shade, page) for page in ("#212529", "#2b3035")) >= AA


def test_a_colour_that_can_be_read_stays_itself() -> None:
    assert palette("#22603a").light == "#22603a"


@pytest.mark.parametrize("text", ["", "green", "#fff", "2f7d46", "#2f7d4g", "#2f7d46;}"])
def test_anything_else_is_no_colour(text: str) -> None:
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        parse_colour(text)


def test_capitals_are_the_same_colour() -> None:
    assert parse_colour(" #2F7D46 ") == "#2f7d46"
