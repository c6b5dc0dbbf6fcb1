"""The hub's own account on the broker: the only one that is made by a broker's configuration."""

from __future__ import annotations

import hashlib

#: Its name. No user's account has a dot in it.
ADMIN = "mosshub.hub"


def admin_password(secret: str) -> str:
    """Return the password of `ADMIN`, 64 hexadecimal digits; the secret cannot be derived from it.

    Args:
        secret: the platform's broker secret.
    """
    return hashlib.sha256(f"{ADMIN}:{secret}".encode()).hexdigest()


def admin_client_settings(secret: str) -> dict[str, str]:
    """Return what kafka-python's clients need to be `ADMIN` at the listener HUB.

    Args:
        secret: the platform's broker secret.
    """
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": ADMIN,
        "sasl_plain_password": admin_password(secret),
    }
