"""Accounts that the hub has taken away."""

from hub.names_file import NamesFile


class RevokedAccounts(NamesFile):
    """Names of the accounts that were taken away and not given back.

    `python -m hub.accounts check` reads them beside the hub.
    """
