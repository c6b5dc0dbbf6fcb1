"""Until when this server runs on although nobody uses it, because its user asked for that."""

from __future__ import annotations

from datetime import datetime, timedelta

#: What a user may choose: four hours, tomorrow morning, or not to be kept any more.
HOURS, MORNING, NOT = "4h", "morning", "not"
_HOURS_S = 4 * 3600.0
_MORNING_HOUR = 8  # of the server's time zone, which the page names
_NIGHT_ENDS_HOUR = 4  # before that, the next morning is today's


class Keep:
    """The user's choice.

    Args:
        at_most_s: the longest time, in seconds; 0 if nobody may choose.
    """

    def __init__(self, at_most_s: float) -> None:
        self.at_most_s = at_most_s
        self._until = 0.0

    def until(self, now: float) -> float | None:
        """Return until when the server runs on, in seconds since 1970; None if nobody asked.

        Args:
            now: the present time, in seconds since 1970.
        """
        return self._until if self._until > now else None

    @property
    def latest(self) -> float:
        """Return the last time until which somebody asked, also if it is over; 0 for none."""
        return self._until

    def choose(self, choice: str, now: float) -> None:
        """Take a user's choice.

        Args:
            choice: HOURS, MORNING or NOT.
            now: the present time, in seconds since 1970.

        Raises:
            ValueError: it is none of these, or nobody may choose.
        """
        if choice not in (HOURS, MORNING, NOT) or not self.at_most_s:
            raise ValueError(choice)
        if choice == NOT:
            self._until = min(self._until, now)
            return
        wanted = now + _HOURS_S if choice == HOURS else next_morning(now)
        self._until = min(wanted, now + self.at_most_s)


def next_morning(now: float) -> float:
    """Return eight o'clock tomorrow, or today if the night is not over; in seconds since 1970."""
    local = datetime.fromtimestamp(now).astimezone()
    morning = local.replace(hour=_MORNING_HOUR, minute=0, second=0, microsecond=0)
    if local.hour >= _NIGHT_ENDS_HOUR:
        morning += timedelta(days=1)
    return morning.timestamp()


def moment(at: float) -> str:
    """Return a time as a person reads it, such as `Friday 08:00 UTC`."""
    return f"{datetime.fromtimestamp(at).astimezone():%A %H:%M %Z}"
