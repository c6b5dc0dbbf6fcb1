"""`make test-quick` answers in minutes only while few of its tests start a hub or a broker."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support.paths import ROOT

#: What starts a process that takes seconds of a core, and how often the quick set may.
MAX_STARTS = {
    "EmbeddedBroker": 1,  # one that is refused; the session's broker is a PatientBroker
    "Hub": 1,
    "LightHub": 3,
    "PatientBroker": 1,
    "RunningPlatform": 0,  # the session's one is in tests/support/platform.py
    "SecuredKafka": 3,  # the session's, one that never starts, and one of slow tests
    "Team": 1,
}
Function = ast.FunctionDef


def is_slow(place: ast.Module | Function) -> bool:
    """Return whether a test, or all tests of a file, are marked slow."""
    if isinstance(place, Function):
        return "pytest.mark.slow" in [ast.unparse(mark) for mark in place.decorator_list]
    return any(ast.unparse(line) == "pytestmark = pytest.mark.slow" for line in place.body)


def quick_functions(source: str) -> list[Function]:
    """Return a file's tests that are not slow, and the functions and fixtures that they use."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, Function)}
    tests = [one for name, one in functions.items() if name.startswith("test_")]
    waiting = [] if is_slow(tree) else [one for one in tests if not is_slow(one)]
    if not tests:  # of a conftest.py, anybody may use all
        waiting = list(functions.values())
    found: dict[str, Function] = {}
    while waiting:
        function = waiting.pop()
        found[function.name] = function
        used = {argument.arg for argument in function.args.args} | names(function)
        waiting += [functions[name] for name in used & (functions.keys() - found.keys())]
    return list(found.values())


def names(function: Function) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}


def starts(source: str) -> list[str]:
    """Return the name of each of `MAX_STARTS` that the quick tests of a file make."""
    return [
        node.func.id
        for function in quick_functions(source)
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in MAX_STARTS
    ]


def test_few_quick_tests_start_a_hub_or_a_broker() -> None:
    places: dict[str, list[Path]] = {name: [] for name in MAX_STARTS}
    for path in sorted((ROOT / "tests" / "local").rglob("*.py")):
        for name in starts(path.read_text("utf-8")):
            places[name].append(path.relative_to(ROOT))
    for name, limit in MAX_STARTS.items():
        assert len(places[name]) <= limit, f"mark slow what starts another {name}: {places[name]}"


def test_a_start_counts_where_a_quick_test_uses_it() -> None:
    fixture = "def hub():\n    with LightHub() as hub:\n        yield hub\n"
    slow = "@pytest.mark.slow\n"
    test = "def test_it(hub):\n    pass\n"
    assert starts(fixture + test) == starts(fixture) == ["LightHub"]
    assert starts(fixture + slow + test) == []
    assert starts("pytestmark = pytest.mark.slow\n" + fixture + test) == []
    by_hand = "def test_it():\n    RunningPlatform().start()\n"
    assert starts(by_hand) == ["RunningPlatform"] and starts(slow + by_hand) == []
