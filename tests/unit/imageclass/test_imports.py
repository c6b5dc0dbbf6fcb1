"""Importing the library."""

import subprocess
import sys


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
