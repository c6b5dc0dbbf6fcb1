"""Labelled images to learn from, by name.

`digits` comes with scikit-learn and is always available. The others need files or the internet,
and `available` says why one cannot be loaded.
"""

from collections.abc import Callable
from functools import cache
from types import MappingProxyType

from imageclass.data import sources
from imageclass.data.dataset import CLASS_NAMES, Dataset, DatasetError

__all__ = ["CLASS_NAMES", "Dataset", "DatasetError", "available", "load"]

# Loader, and the reason why it cannot work here or None.
_SOURCES: MappingProxyType[str, tuple[Callable[[], Dataset], Callable[[], str | None]]] = (
    MappingProxyType(
        {
            "digits": (sources.load_digits, lambda: None),
            "fashion-mnist": (sources.load_fashion_mnist, sources.why_no_fashion_mnist),
            "cifar10": (sources.load_cifar10, sources.why_no_cifar10),
        }
    )
)


def load(name: str) -> Dataset:
    """Return a data set, one of `available()`. It stays in memory after the first call.

    Raises:
        DatasetError: the name is unknown, and the text names the known ones; or the data set
            cannot be loaded here, and the text says why and what to do.
    """
    return _load(name)


@cache
def _load(name: str) -> Dataset:
    try:
        loader, _ = _SOURCES[name]
    except KeyError:
        known = ", ".join(_SOURCES)
        raise DatasetError(f"There is no data set {name!r}. Choose one of: {known}.") from None
    return loader()


def available() -> dict[str, str | None]:
    """Return every known data set, with None or the reason why it cannot be loaded here.

    Only this machine is looked at, so it is quick. A data set that must be downloaded counts as
    available if its downloader is installed; `load` may still fail without the internet.
    """
    return {name: reason() for name, (_, reason) in _SOURCES.items()}
