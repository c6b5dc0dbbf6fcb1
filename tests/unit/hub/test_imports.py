"""What the hub imports: modules are counted, not seconds."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

# 1,576 on the day of this test.
MAX_MODULES = 1_660
COUNT = """
import ast, pathlib, sys
page = ast.parse(pathlib.Path("jupyterhub_config.py").read_text())
page.body = [node for node in page.body if isinstance(node, ast.Import | ast.ImportFrom)]
exec(compile(page, "jupyterhub_config.py", "exec"), {})
print(len(sys.modules), "tensorflow" in sys.modules, "marimo" in sys.modules)
"""


@pytest.mark.slow
def test_the_hub_imports_what_it_uses_and_no_more() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    count, *others = done.stdout.split()
    assert 1_000 < int(count) <= MAX_MODULES
    assert others == ["False", "False"]
