"""Which TCP port the broker listens on."""

from __future__ import annotations

from mosshub_contract.ports import check_port, free_port

from embedded_kafka.errors import BrokerError


def choose_port(port: int) -> int:
    """Return `port` if a broker may listen there on 127.0.0.1; for 0 any free port.

    Raises:
        BrokerError: the port is taken or not allowed.
    """
    if port == 0:
        return free_port()
    try:
        check_port(port)
    except PermissionError:
        raise BrokerError(f"Port {port} needs root. Choose one from 1024 up.") from None
    except OSError:
        raise BrokerError(
            f"Port {port} on 127.0.0.1 is taken by another program. Choose another port, or, "
            f"if that is a Kafka you want to use, set KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:{port}."
        ) from None
    return port
