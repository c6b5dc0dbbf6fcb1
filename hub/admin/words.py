"""Durations and amounts as a person reads them. Pure functions."""

from mosshub_contract.amounts import amount

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
#: What stands where there is nothing to say.
NOTHING = "–"


def duration(seconds: float | None) -> str:
    """Return a duration such as `3 min`, `2 h 5 min` or `4 days`.

    Args:
        seconds: the duration; None if there is none.
    """
    if seconds is None:
        return NOTHING
    if seconds < _MINUTE:
        return "< 1 min"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < _DAY:
        hours, rest = divmod(seconds, _HOUR)
        return f"{hours:.0f} h {rest // _MINUTE:.0f} min"
    days = seconds // _DAY
    return "1 day" if days == 1 else f"{days:.0f} days"


def idleness(seconds: float | None, kept_s: float | None) -> str:
    """Return how long nobody has used an editor, and how long it runs on although.

    Args:
        seconds: how long it has not been used; None if nobody knows.
        kept_s: for how long its user wants it to run on; None if they did not say.
    """
    kept = f", kept for {duration(kept_s)}" if kept_s else ""
    return f"{duration(seconds)}{kept}"


def memory(used: int | None, limit: int | None) -> str:
    """Return an amount of memory, of its limit where there is one.

    Args:
        used: bytes in use; None if nobody knows.
        limit: the most that may be used, in bytes.
    """
    if used is None:
        return NOTHING
    return amount(used, limit)


def processors(used: float | None, limit: float | None) -> str:
    """Return a number of processors, of their limit where there is one.

    Args:
        used: processors in use, on average; None if nobody knows.
        limit: the most that may be used.
    """
    if used is None:
        return NOTHING
    return f"{used:.1f} of {limit:g}" if limit else f"{used:.1f}"
