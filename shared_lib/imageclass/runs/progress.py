"""How long work reports how far it is."""

from collections.abc import Callable

#: Called with (done, total) after each step; what it returns is ignored.
Progress = Callable[[int, int], object]
