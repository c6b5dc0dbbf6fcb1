"""Who may sign in, and with what.

On one laptop two passwords, made at the first start, stand for sign-in: one for people under any
name, one for the admins. They live in a file that only the owner of the platform can read.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from tornado import web

from hub.signin.names import refusal

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread on a screen


@dataclass(frozen=True)
class Passwords:
    """The shared passwords of a laptop's platform."""

    people: str
    admins: str


def _random_password(groups: int) -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(groups))


def load_passwords(path: Path) -> Passwords:
    """Read the passwords from `path`, making both the file and them if it is not there.

    Raises:
        ValueError: the file is there but not readable as passwords; says what to do.
    """
    if not path.exists():
        passwords = Passwords(people=_random_password(3), admins=_random_password(8))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(passwords), indent=2) + "\n")
        return passwords
    path.chmod(0o600)
    try:
        passwords = Passwords(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise ValueError(
            f'{path} does not hold {{"people": "…", "admins": "…"}}: '
            "mend it, or delete it to get new passwords at the next start"
        ) from None
    if len(passwords.people) < 8 or len(passwords.admins) < 32:
        raise ValueError(
            f"{path}: the password for people needs 8 characters or more, the one for admins 32"
        )
    return passwords


class LaptopAuthenticator(SharedPasswordAuthenticator):
    """JupyterHub's shared passwords, with a word on names that cannot be."""

    async def authenticate(self, handler, data):
        """Check name and password; a name that cannot be raises 403 with the reason."""
        if reason := refusal(data["username"]):
            raise web.HTTPError(403, reason)
        return await super().authenticate(handler, data)
