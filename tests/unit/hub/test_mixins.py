"""What a mixin of ours overrides is overridden in the class that takes it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import marimo_singleuser
import pytest

import hub

OURS = ("hub", "marimo_singleuser", "mosshub_contract")


def classes(package: ModuleType) -> list[type]:
    """Return all classes of a package, its parts included."""
    found = {}
    for part in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not part.name.endswith("__main__"):
            for _, one in inspect.getmembers(importlib.import_module(part.name), inspect.isclass):
                found[f"{one.__module__}.{one.__qualname__}"] = one
    return [one for one in found.values() if is_ours(one)]


def is_ours(one: type) -> bool:
    return one.__module__.partition(".")[0] in OURS


@pytest.mark.parametrize("package", [hub, marimo_singleuser], ids=["hub", "server"])
def test_no_class_of_others_hides_one_of_ours(package: ModuleType) -> None:
    """A mixin with a base of others, such as HasTraits, draws that before the mixins after it."""
    found = classes(package)
    assert len(found) > 20
    for one in found:
        ours = [is_ours(base) for base in one.__mro__ if base is not object]
        assert ours == sorted(ours, reverse=True), [base.__qualname__ for base in one.__mro__]
