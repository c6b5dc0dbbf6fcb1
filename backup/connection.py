"""A connection with the broker, at the listener that only the platform reaches."""

import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from mosshub_contract.broker_admin import admin_client_settings

from backup.errors import BackupError

#: How long a broker may say "not yet".
RETRY_TIMEOUT_S = 60.0


class Connection:
    """A connection with a broker, by the platform's own account.

    Args:
        address: `host:port` of the listener for the hub.
        secret: the broker secret.

    Raises:
        BackupError: the broker does not answer, from every method too.
    """

    def __init__(self, address: str, secret: str) -> None:
        self._address = address
        try:
            self._client = KafkaAdminClient(
                bootstrap_servers=address,
                client_id="backup",
                bootstrap_timeout_ms=30_000,
                request_timeout_ms=60_000,
                **admin_client_settings(secret),
            )
        except (KafkaError, OSError, ValueError) as error:
            raise self.refused(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def refused(self, error: BaseException) -> BackupError:
        """Return what an error of the broker means."""
        return BackupError(
            f"The broker at {self._address} does not do what it is asked "
            f"({type(error).__name__}: {error}). Look at docker/compose logs kafka."
        )

    def call(
        self, request: Callable[[KafkaAdminClient], Any], timeout_s: float = RETRY_TIMEOUT_S
    ) -> Any:
        """Ask the broker; a new one has no coordinator of groups yet, and says to try again."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return request(self._client)
            except (KafkaError, OSError, ValueError) as error:
                if not getattr(error, "retriable", False) or time.monotonic() > deadline:
                    raise self.refused(error) from error
            time.sleep(0.3)

    def send(self, request: Any, node: int) -> Any:
        """Send a request as it is, once: a batch that is sent again may be there twice."""
        return self.call(lambda c: c._manager.run(c._manager.send, request, node), timeout_s=0)

    def node(self) -> int:
        """Return the broker's number, to which requests are sent."""
        return self.call(lambda c: c.describe_cluster())["brokers"][0]["broker_id"]
