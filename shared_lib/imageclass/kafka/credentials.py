"""The person's account on the broker, as their server keeps it in a file.

The hub makes the account; the server lays it into the file that `MOSSHUB_BROKER_ACCOUNT` names,
writes it anew when it changes, and deletes it when it is not the person's any more.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = "MOSSHUB_BROKER_ACCOUNT"


class MissingCredentials(Exception):
    """There should be an account and is none; the text says why and what to do."""


@dataclass(frozen=True)
class Account:
    """Who one is on the broker. Without `cafile` certificates are checked with the system's."""

    username: str
    password: str = field(repr=False)
    security_protocol: str = "SASL_PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    cafile: str | None = None
    away: bool = field(default=False, compare=False)  # the hub has not reached the broker lately

    @property
    def settings(self) -> dict[str, Any]:
        """What kafka-python's clients are told."""
        return {
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "ssl_cafile": self.cafile,
        }

    @property
    def librdkafka_settings(self) -> dict[str, Any]:
        """The same for librdkafka's clients."""
        return {
            "security.protocol": self.security_protocol,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.username,
            "sasl.password": self.password,
            **({"ssl.ca.location": self.cafile} if self.cafile else {}),
        }


def find_account(environ: Mapping[str, str] = os.environ) -> Account | None:
    """The account of this server's person, read anew; None where there are no accounts.

    Raises:
        NoAccount: there should be one.
    """
    named = environ.get(VARIABLE)
    return read_account(named) if named else None


def read_account(path: str | os.PathLike[str]) -> Account:
    """The account in a file as a server keeps it: JSON with the fields of `Account`.

    Raises:
        NoAccount: the file is not there, or holds something else.
    """
    try:
        found = json.loads(Path(path).read_text("utf-8"))
        return Account(
            found["username"],
            found["password"],
            found.get("security_protocol", "SASL_PLAINTEXT"),
            found.get("sasl_mechanism", "SCRAM-SHA-512"),
            found.get("cafile"),
            found.get("broker") == "away",
        )
    except FileNotFoundError:
        raise MissingCredentials(
            "You have no account on the broker: the hub has not given this server one yet, or has"
            " taken it away. If this stays, stop and start your server on the hub's page, or ask"
            " an admin."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingCredentials(f"{path} is not an account on the broker: {error!r}") from None


def refused(servers: Sequence[str], account: Account | None) -> str:
    """Why a broker does not answer that can be reached: a sentence, empty if it cannot be."""
    if not any(map(_listens, servers)):
        return ""
    where = f"The broker at {', '.join(servers)}"
    if account is None:
        return f"{where} lets in only who has an account, and you gave none."
    if account.away:
        return f"{where} does not let in {account.username!r} yet: the hub will set that up soon."
    return (
        f"{where} does not let in {account.username!r}: the password is wrong, or the account is"
        " gone. If you did not give them yourself, stop and start your server on the hub's page."
    )


def _listens(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True
