"""The user's account on the broker, which their server keeps in a file.

The hub makes the account. The server writes it to the file that `MOSSHUB_BROKER_ACCOUNT` names,
writes it again when it changes, and deletes it when the user has lost it.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mosshub_contract.broker_account import FILE_VARIABLE, BrokerAccount

_ANSWER_TIMEOUT_S = 2.0
# Kafka's question which requests a broker knows (ApiVersions, version 0), which needs no account:
# its length, its kind, its version, a number, and a client without a name.
_WHICH_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 0, -1)


class MissingCredentials(Exception):
    """There should be an account and is none; the text says why and what to do."""


class Account(BrokerAccount):
    """An account on the broker, as Kafka's clients take it."""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings for kafka-python's clients."""
        return {
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "ssl_cafile": self.cafile,
        }

    @property
    def librdkafka_settings(self) -> dict[str, Any]:
        """Settings for librdkafka's clients."""
        return {
            "security.protocol": self.security_protocol,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.username,
            "sasl.password": self.password,
            **({"ssl.ca.location": self.cafile} if self.cafile else {}),
        }


def find_account(environ: Mapping[str, str] = os.environ) -> Account | None:
    """Return the account of this server's user, as it is now; None where there are no accounts.

    Raises:
        MissingCredentials: there should be an account.
    """
    path = environ.get(FILE_VARIABLE)
    return read_account(path) if path else None


def read_account(path: str | os.PathLike[str]) -> Account:
    """Return the account in a file.

    Args:
        path: the file, which a user's server has written.

    Raises:
        MissingCredentials: there is no such file, or it is not one.
    """
    try:
        return Account.from_json(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise MissingCredentials(
            "You have no account on the broker: the hub has not given this server one yet, or has"
            " taken it away. If this stays, stop and start your server on the hub's page, or ask"
            " an admin."
        ) from None
    except (OSError, ValueError) as error:
        raise MissingCredentials(f"{path} is not an account on the broker: {error}") from None


def refusal(servers: Sequence[str], account: BrokerAccount | None) -> str:
    """Return why a broker that answers does not let its user in, in a sentence.

    Args:
        servers: the broker's addresses, `host:port`.
        account: the account that was used.

    Returns:
        Empty if the broker does not answer at all.
    """
    if not any(map(_answers, servers)):
        return ""
    where = f"The broker at {', '.join(servers)}"
    if account is None:
        return f"{where} lets in only users with an account, and you gave none."
    if account.away:
        return f"{where} does not let in {account.username!r} yet: the hub will set that up soon."
    return (
        f"{where} does not let in {account.username!r}: the password is wrong, or the account is"
        " gone. If you did not give them yourself, stop and start your server on the hub's page."
    )


def _answers(server: str) -> bool:
    """Return whether something answers there, if only by hanging up."""
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _ANSWER_TIMEOUT_S) as broker:
            broker.sendall(_WHICH_VERSIONS)
            broker.recv(1)
    except ConnectionResetError:
        return True
    except (OSError, ValueError):
        return False
    return True
