"""docs/kubernetes.md shows values that the chart takes, and names those that it has."""

import re
from typing import Any

import pytest
import yaml

from hub.settings import Settings
from tests.support.chart import CHART, NEEDED, render
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/kubernetes.md").read_text("utf-8")
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


def values_named(text: str) -> set[str]:
    """Return the values that a text names in backticks, such as `edge.tls`."""
    found = re.findall(r"`([a-zA-Z]+(?:\.[a-zA-Z]+)+)(?:: [^`]*)?`", text)
    return {name for name in found if name.partition(".")[0] in DEFAULTS}


def has(name: str) -> bool:
    inner: Any = DEFAULTS
    for part in name.split("."):
        if not isinstance(inner, dict) or part not in inner:
            return False
        inner = inner[part]
    return True


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_renders(number: int) -> None:
    example = EXAMPLES[number]
    is_trial = example.get("edge", {}).get("tls") == "none"
    needed = {k: v for k, v in NEEDED["settings"].items() if not (is_trial and k == "DOMAIN")}
    assert len(render(example | {"settings": needed | example.get("settings", {})})) > 15


def test_the_page_names_only_values_that_there_are() -> None:
    named = values_named(PAGE)
    assert len(named) > 8
    assert {name for name in named if not has(name)} == set()
    assert not has("edge.certificate")


def test_the_page_names_only_settings_that_there_are() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", PAGE))
    assert len(named) > 5
    assert {name for name in named if name.lower() not in Settings.model_fields} == set()
