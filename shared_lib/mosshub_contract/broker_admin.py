"""The hub's own account on the broker: the only one that the hub does not make itself."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

#: Its name. No user's account has a dot in it.
ADMIN = "mosshub.hub"


def admin_password(secret: str) -> str:
    """Return the password of `ADMIN`, 64 hexadecimal digits; the secret cannot be derived from it.

    Args:
        secret: the platform's broker secret.
    """
    return hashlib.sha256(f"{ADMIN}:{secret}".encode()).hexdigest()


def admin_client_settings(secret: str, password: str = "", authority: str = "") -> dict[str, Any]:
    """Return what kafka-python's clients need to be `ADMIN`, such as at the listener HUB.

    Args:
        secret: the platform's broker secret.
        password: that of `ADMIN` on a Kafka of the team's own, which speaks TLS and has an account
            for it; empty for the platform's broker.
        authority: certificate (PEM) of the authority that signed that Kafka's; empty for those
            that this machine knows.

    Raises:
        ssl.SSLError: the authority is no certificate.
    """
    if password:
        context = ssl.create_default_context(cadata=authority or None)
        # Since 3.13 Python refuses certificates without fields that a team's own authority often
        # leaves out. Kafka's clients, and so the users' servers, do not ask for them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": ADMIN,
            "sasl_plain_password": password,
            "ssl_context": context,
        }
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": ADMIN,
        "sasl_plain_password": admin_password(secret),
    }
