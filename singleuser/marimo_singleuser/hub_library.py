"""JupyterHub's sign-in for servers, without the hub's database."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

_DATABASE = ("sqlalchemy", "jupyterhub.orm", "jupyterhub.roles")


def defer_database() -> None:
    """Let the hub's database be loaded by whoever uses it, and not by the import of the sign-in.

    WORKAROUND(jupyterhub 6.1.1): a server's sign-in imports the hub's tables with SQLAlchemy and
    Alembic, which it never uses: a fifth of the modules and of the memory of this program.
    Test: test_the_program_imports_no_database

    Call this before anything imports `jupyterhub.services.auth`.
    """
    for name in _DATABASE:
        if name not in sys.modules:
            _defer(name)


def _defer(name: str) -> None:
    """Make a module that is executed when something first looks into it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return  # JupyterHub's own import then says what is missing
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
