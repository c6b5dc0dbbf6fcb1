"""What the hub needs on a Kafka of the team's own, beside its address."""

import ssl

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class OwnKafkaSettings(BaseSettings):
    """The settings of the team's own Kafka. `hub.settings` reads them all."""

    kafka_admin_password: SecretStr = Field(
        SecretStr(""),
        description="the password of the hub's account mosshub.hub on a Kafka of your own, which "
        "all then reach with TLS and SCRAM-SHA-512",
    )
    kafka_authority: str = Field(
        "",
        description="the certificate (PEM) of the authority that signed that Kafka's; empty: an "
        "authority that everybody knows",
    )

    @field_validator("kafka_authority")
    @classmethod
    def _is_certificate(cls, value: str) -> str:
        if value:
            try:
                ssl.create_default_context(cadata=value)
            except ssl.SSLError:
                raise ValueError("a certificate as PEM text") from None
        return value
