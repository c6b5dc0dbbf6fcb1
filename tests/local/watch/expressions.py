"""What a rule's expression in PromQL reads."""

from __future__ import annotations

import re
from typing import Any

_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)")
_WORDS = {"and", "or", "unless", "bool"}
_SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)\s*(\{[^}]*\})?(?!\w)(?!\s*\()")
_LEFT_OUT = re.compile(r'(\w+)!~"\.\*\(([^)"]*)\)\.\*"')
_NAMED_LABEL = re.compile(r"\$labels\.(\w+)")


def selectors(expression: str) -> list[str]:
    """Return the series that an expression reads: metrics with their labels."""
    text = re.sub(r"\[\w+\]", "", _GROUPING.sub("", expression))
    return [name + labels for name, labels in _SELECTOR.findall(text) if name not in _WORDS]


def left_out(selector: str) -> list[str]:
    """Return for each word that `label!~".*(one|another).*"` leaves out what it leaves out.

    Without such series a misspelt word would go unnoticed.
    """
    metric = selector.partition("{")[0]
    return [
        f'{metric}{{{label}=~".*{word}.*"}}'
        for label, words in _LEFT_OUT.findall(selector)
        for word in words.split("|")
    ]


def with_labels(selector: str, rule: dict[str, Any]) -> str:
    """Return a selector of series that also have the labels of which the rule's text speaks.

    And those that its pattern leaves out: a series without the label would match `!~`.
    """
    metric, _, labels = selector.partition("{")
    named = set(_NAMED_LABEL.findall(str(rule["annotations"])))
    named |= {label for label, _ in _LEFT_OUT.findall(selector)}
    parts = [part for part in [labels.strip("} \n"), *(f'{n}!=""' for n in sorted(named))] if part]
    return f"{metric}{{{', '.join(parts)}}}" if parts else metric
