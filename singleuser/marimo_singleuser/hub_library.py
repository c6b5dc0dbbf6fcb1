"""JupyterHub's sign-in for servers, without the hub's database."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import jupyterhub  # noqa: F401  the parent of modules below


class _DatabaseError(Exception):
    """Stands for SQLAlchemy's error, which nothing raises where there is no database."""


#: What is deferred, and names in it that an import already takes.
_DATABASE: dict[str, dict[str, Any]] = {
    "sqlalchemy": {},
    "sqlalchemy.exc": {"SQLAlchemyError": _DatabaseError},
    "jupyterhub.orm": {},
    "jupyterhub.roles": {},
}


def defer_database() -> None:
    """Let the hub's database be loaded by whoever uses it, and not by the import of the sign-in.

    WORKAROUND(jupyterhub 6.1.1): a server's sign-in imports the hub's tables with SQLAlchemy and
    Alembic, which it never uses: a third of the modules and of the memory of this program.
    Test: test_the_program_imports_no_database

    Call this before anything imports `jupyterhub.services.auth`.
    """
    if "sqlalchemy" in sys.modules:
        return
    for name, given in _DATABASE.items():
        module = sys.modules[name] = _Deferred(name)
        vars(module).update(given)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)


class _Deferred(ModuleType):
    """Stands for a module until something looks into it.

    The standard library's LazyLoader executes it as soon as it is imported once more.
    """

    def __getattr__(self, name: str) -> Any:
        if name == "__path__" and "." in self.__name__:
            raise AttributeError(name)  # every import asks for it; of these none is a package
        for other in _DATABASE:
            if isinstance(sys.modules.get(other), _Deferred):
                del sys.modules[other]
        module = importlib.import_module(self.__name__)
        vars(self).update(vars(module))  # for those who have this one already
        return getattr(module, name)
