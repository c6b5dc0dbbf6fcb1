"""The settings of a broker with accounts: its listeners, and how clients authenticate at each.

| listener   | for                          | how                                                  |
|------------|------------------------------|------------------------------------------------------|
| PEOPLE     | users and their agents       | SASL SCRAM-SHA-512, an account each                  |
| HUB        | the hub, which manages them  | SASL PLAIN, one password, derived from the secret    |
| CONTROLLER | the broker itself            | the same                                             |

The hub's password is checked against a file that is written at every start, not against the stored
data. So there is one before the first account, also in a directory that had none until now, and a
new secret holds from the next start on.
"""

from __future__ import annotations

from mosshub_contract.broker_admin import ADMIN, admin_password

# How long, in ms, a connection of a deleted account lives. Clients renew theirs by themselves.
REAUTHENTICATE_MS = 30_000

_PLAIN_LISTENERS = ("hub", "controller")


def jaas(secret: str) -> str:
    """Return the text of the file that tells Kafka the hub's password.

    Args:
        secret: the platform's broker secret.
    """
    password = admin_password(secret)
    return (
        "KafkaServer {\n"
        "  org.apache.kafka.common.security.plain.PlainLoginModule required\n"
        f'    username="{ADMIN}" password="{password}" user_{ADMIN}="{password}";\n'
        "  org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        "};\n"
    )


def account_properties(port: int, admin_port: int, controller_port: int) -> dict[str, str]:
    """Return the settings that differ from those of a broker without accounts.

    Args:
        port: where users connect.
        admin_port: where the hub connects.
        controller_port: where the broker talks to its controller.
    """
    people, hub = f"PEOPLE://127.0.0.1:{port}", f"HUB://127.0.0.1:{admin_port}"
    plain = {f"listener.name.{name}.sasl.enabled.mechanisms": "PLAIN" for name in _PLAIN_LISTENERS}
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
