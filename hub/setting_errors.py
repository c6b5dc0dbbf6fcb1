"""Sentences that say what is wrong with a setting."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo


def describe(fields: Mapping[str, FieldInfo], name: str) -> str:
    """Return what the setting `name` is, in the words of its description."""
    return fields[name].description or name


def explain(error: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> str:
    """Return one of pydantic's errors as a line for a person.

    Args:
        error: an element of `ValidationError.errors()`.
        fields: the settings' fields by name.

    Returns:
        The setting's name, the value that was seen, unless it is a secret, and what is expected.
    """
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if not error["loc"]:
        return reason
    name = str(error["loc"][0]).lower()
    if name not in fields:
        near = difflib.get_close_matches(name, fields, n=1)
        hint = f"did you mean {near[0].upper()}?" if near else "remove it from .env"
        return f"{name.upper()}: there is no such setting; {hint}"
    secret = "SecretStr" in str(fields[name].annotation)
    seen = "…" if secret else error["input"]
    return f"{name.upper()}={seen}: expected {describe(fields, name)} ({reason})"
