"""The error that a person reads."""


class BackupError(Exception):
    """A backup or a restore cannot go on; the message says what, where, and what to do next."""
