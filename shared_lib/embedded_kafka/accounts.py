"""A broker that knows who is who: its doors, and who may come in through each.

| listener   | for                          | how                                                  |
|------------|------------------------------|------------------------------------------------------|
| PEOPLE     | people and their agents      | SASL SCRAM-SHA-512, an account each                  |
| HUB        | who keeps the accounts       | SASL PLAIN, one password, derived from the secret    |
| CONTROLLER | the broker itself            | the same                                             |

The keeper's password is checked from a file that is written at every start and not from the stored
data. So there is one before the first account, also in a directory that had none until now, and a
new secret is in force with the next start.
"""

from __future__ import annotations

import hashlib

# A dot: no person's account has one in its name.
ADMIN = "mosshub.hub"

# How long, in ms, a connection lives on an account that is gone. Clients renew it by themselves.
REAUTHENTICATE_MS = 30_000


def admin_password(secret: str) -> str:
    """The password of `ADMIN`, 64 hexadecimal digits; the secret cannot be had from it."""
    return hashlib.sha256(f"{ADMIN}:{secret}".encode()).hexdigest()


def admin_settings(secret: str) -> dict[str, str]:
    """What kafka-python's clients need to be `ADMIN` at the listener HUB."""
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": ADMIN,
        "sasl_plain_password": admin_password(secret),
    }


def jaas(secret: str) -> str:
    """The text of the file that tells Kafka its own password, and nobody else's."""
    password = admin_password(secret)
    return (
        "KafkaServer {\n"
        "  org.apache.kafka.common.security.plain.PlainLoginModule required\n"
        f'    username="{ADMIN}" password="{password}" user_{ADMIN}="{password}";\n'
        "  org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        "};\n"
    )


def account_properties(port: int, admin_port: int, controller_port: int) -> dict[str, str]:
    """The settings that differ from those of a broker where everybody may do everything.

    Args:
        port: where people connect.
        admin_port: where the keeper of the accounts does.
        controller_port: where the broker talks to its controller.
    """
    people, hub = f"PEOPLE://127.0.0.1:{port}", f"HUB://127.0.0.1:{admin_port}"
    plain = {f"listener.name.{name}.sasl.enabled.mechanisms": "PLAIN" for name in _OWN}
    return {
        "listeners": f"{people},{hub},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"{people},{hub}",
        "listener.security.protocol.map": (
            "PEOPLE:SASL_PLAINTEXT,HUB:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
        ),
        "inter.broker.listener.name": "HUB",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        **plain,
        "listener.name.people.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.people.scram-sha-512.connections.max.reauth.ms": str(REAUTHENTICATE_MS),
        # What is not allowed is denied.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{ADMIN}",
    }


_OWN = ("hub", "controller")
