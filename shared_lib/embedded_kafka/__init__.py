"""Apache Kafka on this machine, with nothing installed: jars from Maven Central, Java from PyPI.

    from embedded_kafka import EmbeddedBroker

    with EmbeddedBroker("data/kafka") as broker:
        print(broker.bootstrap_servers)

`python -m embedded_kafka --data DIR` runs it as a program.
"""

from embedded_kafka.embedded import DEFAULT_PORT, EmbeddedBroker
from embedded_kafka.errors import BrokerError
from embedded_kafka.jars import KAFKA_VERSION
from embedded_kafka.ready import wait_until_ready

__all__ = ["DEFAULT_PORT", "KAFKA_VERSION", "BrokerError", "EmbeddedBroker", "wait_until_ready"]
