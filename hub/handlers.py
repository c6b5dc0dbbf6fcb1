"""Changes to handlers of JupyterHub, in the list that the hub serves."""

from collections.abc import Iterable


def with_mixin(handlers: Iterable[tuple], base: type, mixin: type) -> list[tuple]:
    """Return the hub's handlers; those of a class, and its subclasses, have a mixin before them.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
        base: the class.
        mixin: what is mixed in.
    """

    def mixed(cls: type) -> type:
        if not (isinstance(cls, type) and issubclass(cls, base)):
            return cls
        return type(cls.__name__, (mixin, cls), {"__module__": cls.__module__})

    return [(pattern, mixed(cls), *rest) for pattern, cls, *rest in handlers]
