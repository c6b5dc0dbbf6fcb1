"""What accounts depend on, and how far the broker's differ from it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HubUser:
    """What an account depends on.

    Attributes:
        name: the user's name in the hub.
        since: when the hub saw the user first, as text that stays the same.
        groups: the user's groups in the hub.
        active: whether a server of the user runs or starts, so that the account is needed now.
    """

    name: str
    since: str
    groups: frozenset[str] = frozenset()
    active: bool = False


@dataclass(frozen=True)
class Drift:
    """The differences between hub and broker, by the accounts' names.

    It is true if there is any.

    Attributes:
        missing: accounts that are needed and have no password.
        incorrect: accounts that may do more or less than they should.
        orphaned: accounts that belong to no user and no service.
        settings: names of settings that differ.
    """

    missing: tuple[str, ...]
    incorrect: tuple[str, ...]
    orphaned: tuple[str, ...]
    settings: tuple[str, ...]

    def __bool__(self) -> bool:
        return any((self.missing, self.incorrect, self.orphaned, self.settings))
