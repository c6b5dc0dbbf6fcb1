"""The public names of imageclass: the promise that outlives every move."""

import ast
import subprocess
import sys
from pathlib import Path

import imageclass

SOURCE = Path(imageclass.__file__)
PROMISED = [
    "Agent",
    "Classifier",
    "CompiledClassifier",
    "Connection",
    "Judge",
    "MODELS",
    "ModelError",
    "ModelVersion",
    "NoBroker",
    "PublishError",
    "Run",
    "VersionError",
    "busy",
    "calibrate",
    "calibration",
    "classify",
    "connect",
    "connect_notebook",
    "connect_or_start",
    "datasets",
    "dead_letters",
    "ensembles",
    "export",
    "find_version",
    "grid",
    "is_headless",
    "list_agents",
    "list_lags",
    "list_team_versions",
    "list_topics",
    "list_versions",
    "live_charts",
    "outcomes",
    "peek",
    "placeholder",
    "read_account",
    "run_charts",
    "running_agents",
    "share_version",
    "show_errors",
    "show_table",
    "start_agent",
    "statistics",
    "stop_agent",
    "tables",
    "tail",
    "tie_break",
    "train_or_load",
    "training",
    "training_charts",
    "wait_until_seen",
    "watch",
]


def test_the_promised_names_are_there_and_no_others() -> None:
    assert sorted(imageclass.__all__) == sorted(PROMISED)
    for name in PROMISED:
        assert getattr(imageclass, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    guarded = next(node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    lazy = {
        name: f"imageclass.{module}.{attribute}".rstrip(".")
        for name, (module, attribute) in imageclass._FACE.items()
    }
    assert seen == lazy


def test_importing_it_loads_nothing() -> None:
    code = "import sys, imageclass; print([m for m in sys.modules if m.startswith('imageclass.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_room_imports_the_face() -> None:
    """Import-linter cannot see through a lazy module, so a room would hide an arrow behind it."""
    found = []
    for path in SOURCE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "imageclass":
                names = {alias.name for alias in node.names}
                found += [f"{path.name}: {name}" for name in names & set(imageclass.__all__)]
    assert not found
