"""The one broker that everybody streams through."""

import sys

from hub.settings import Settings


def broker_command(settings: Settings) -> list[str]:
    """Return the command line of the embedded Apache Kafka, which is a program of `shared_lib`."""
    return [
        *(sys.executable, "-m", "imageclass.broker"),
        *("--data", str(settings.data_dir / "kafka")),
        *("--port", str(settings.kafka_port)),
    ]
