"""Importing the library: modules are counted, not seconds."""

import subprocess
import sys

import pytest


def test_nothing_imports_tensorflow_before_it_is_used() -> None:
    program = (
        "import importlib, pkgutil, sys, imageclass\n"
        "found = pkgutil.walk_packages(imageclass.__path__, 'imageclass.')\n"
        "names = [m.name for m in found if not m.name.endswith('__main__')]\n"
        "for name in names: importlib.import_module(name)\n"
        "print(len(names), 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    count, *imported = done.stdout.split()
    assert int(count) >= 30
    assert imported == ["False", "False"]


def modules_after(program: str) -> int:
    """Return how many modules a new Python process has after a program."""
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(len(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return int(done.stdout.split()[-1])


def test_a_kernels_first_import_is_small() -> None:
    assert modules_after("import imageclass") <= 80  # 63 on the day of this test


@pytest.mark.slow
def test_a_kernels_first_model_imports_tensorflow_and_little_else() -> None:
    tensorflow = modules_after("import tensorflow")  # 3,714 on the day of this test
    first_model = "import imageclass\nimageclass.MODELS['cnn']((28, 28, 1), 10)"
    assert 1_000 < modules_after(first_model) <= tensorflow + 40
