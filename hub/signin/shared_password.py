"""Sign-in on a laptop: one password for users under any name, one for the admins.

The first start generates both. They are in a file that only the platform's owner can read.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from jupyterhub.authenticators.shared import SharedPasswordAuthenticator
from jupyterhub.utils import maybe_future
from mosshub_contract.files import write_atomically
from tornado import web

from hub.signin.names import username_error
from hub.signin.taken_hosts import taken_host_error
from hub.spawners.start_queue import end_starts

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without characters that look alike on a screen


@dataclass(frozen=True)
class Passwords:
    """The shared passwords of a laptop's platform.

    Attributes:
        people: signs in any user who is no admin.
        admins: signs in an admin.
    """

    people: str
    admins: str


def load_passwords(path: Path) -> Passwords:
    """Return the passwords in the file `path`, which is written with new ones if it is missing.

    Raises:
        ValueError: the file does not hold passwords, or short ones; the text says what to do.
    """
    if not path.exists():
        passwords = Passwords(people=_random_password(3), admins=_random_password(8))
        write_atomically(path, json.dumps(asdict(passwords), indent=2) + "\n", mode=0o600)
        return passwords
    path.chmod(0o600)
    try:
        passwords = Passwords(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise ValueError(
            f'{path} does not hold {{"people": "…", "admins": "…"}}: '
            "correct it, or delete it to get new passwords at the next start"
        ) from None
    if len(passwords.people) < 8 or len(passwords.admins) < 32:
        raise ValueError(
            f"{path}: the password for people needs 8 characters or more, the one for admins 32"
        )
    return passwords


def _random_password(groups: int) -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(groups))


class LaptopAuthenticator(SharedPasswordAuthenticator):
    """JupyterHub's shared passwords, which also says why a name is not allowed."""

    async def authenticate(self, handler, data):
        """Check name and password.

        Raises:
            HTTPError: 403 with the reason, if the name is not allowed.
        """
        name = data["username"]
        if reason := username_error(name) or taken_host_error(self.normalize_username(name)):
            raise web.HTTPError(403, reason)
        return await super().authenticate(handler, data)

    async def delete_user(self, user):
        """End the starts of a removed user."""
        await end_starts(user)
        await maybe_future(super().delete_user(user))
