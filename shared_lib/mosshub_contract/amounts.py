"""Amounts of memory and disk, as a person reads them."""

_LEAST_GB = 0.95 * 2**30  # less is said in MB
_ROUND_GB = 9.95 * 2**30  # from here on without a decimal


def amount(used: int, limit: int | None) -> str:
    """Return how many bytes are used, of a limit where there is one.

    Args:
        used: bytes.
        limit: bytes that may be used; 0 or None without a limit.
    """
    if limit and limit < _LEAST_GB:
        return f"{used / 2**20:.0f} of {limit / 2**20:.0f} MB"
    if limit:
        return f"{_gigabytes(used)} of {_gigabytes(limit)} GB"
    return f"{_gigabytes(used)} GB" if used >= _LEAST_GB else f"{used / 2**20:.0f} MB"


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f}" if size < _ROUND_GB else f"{size / 2**30:.0f}"
