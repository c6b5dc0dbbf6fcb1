"""Who may have a copy. Pure functions."""

from collections.abc import Collection

from mosshub_contract.copies import Audience, Listed


def waits_for(audience: Audience, user: str, groups: Collection[str]) -> bool:
    """Return whether a copy was sent to a user, or to one of the user's groups."""
    return user in audience.users or not set(audience.groups).isdisjoint(groups)


def may_have(copy: Listed, user: str, groups: Collection[str]) -> bool:
    """Return whether a user may see and take a copy."""
    return copy.author == user or copy.audience.link or waits_for(copy.audience, user, groups)
