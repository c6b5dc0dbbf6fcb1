"""Apache Kafka on this machine, with nothing installed: jars from Maven Central, Java from PyPI.

    from imageclass.broker import EmbeddedBroker

    with EmbeddedBroker("data/kafka") as broker:
        print(broker.bootstrap_servers)

`python -m imageclass.broker --data DIR` runs it as a program.
"""

from .embedded import DEFAULT_PORT, EmbeddedBroker
from .errors import BrokerError
from .jars import KAFKA_VERSION
from .ready import wait_until_ready

__all__ = ["DEFAULT_PORT", "KAFKA_VERSION", "BrokerError", "EmbeddedBroker", "wait_until_ready"]
