"""A user's broker account as it travels: hub → user's server → a file → notebooks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

#: Environment variable that names the account's file to notebooks.
FILE_VARIABLE = "MOSSHUB_BROKER_ACCOUNT"
#: Path of the hub's route that tells a user's server its account, below the hub's API.
API_PATH = "/mosshub/broker-account"


@dataclass(frozen=True)
class BrokerAccount:
    """Name, password and way of authentication of an account on the broker.

    Attributes:
        username: the account's name on the broker.
        password: its password.
        security_protocol: Kafka's name of the listener's protocol.
        sasl_mechanism: Kafka's name of the mechanism.
        cafile: path of the authority that signed the broker's certificate; None for the system's.
        authority: that authority's certificate itself (PEM), which a user's server keeps in
            `cafile`; None for the system's.
        away: the hub has not reached the broker lately, so the account may not be there yet.
    """

    username: str
    password: str = field(repr=False)
    security_protocol: str = "SASL_PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    cafile: str | None = None
    authority: str | None = field(default=None, repr=False)
    away: bool = field(default=False, compare=False)

    def to_json(self) -> str:
        """Return the account as the text of its file."""
        about = {
            "username": self.username,
            "password": self.password,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "broker": "away" if self.away else "ready",
        }
        trusted = {"cafile": self.cafile, "authority": self.authority}
        return json.dumps(about | {name: value for name, value in trusted.items() if value})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the account that `text` describes.

        Raises:
            ValueError: it is not JSON, or not an account.
        """
        about = json.loads(text)
        try:
            return cls(
                username=about["username"],
                password=about["password"],
                security_protocol=about.get("security_protocol", "SASL_PLAINTEXT"),
                sasl_mechanism=about.get("sasl_mechanism", "SCRAM-SHA-512"),
                cafile=about.get("cafile"),
                authority=about.get("authority"),
                away=about.get("broker") == "away",
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a broker account: {error!r}") from None
