"""`python -m watch`: answer Prometheus until it is stopped."""

import sys
from contextlib import suppress

from prometheus_client import CollectorRegistry

from watch.collector import WatchCollector
from watch.server import make
from watch.settings import load_settings


def main() -> int:
    """Answer until Ctrl-C; return the exit status."""
    try:
        settings = load_settings()
        collector = WatchCollector(settings)
    except (ValueError, OSError) as error:
        print(f"watch cannot start: {error}", file=sys.stderr)
        return 1
    registry = CollectorRegistry()
    registry.register(collector)
    token = settings.metrics_token.get_secret_value()
    server = make(settings.watch_ip, settings.watch_port, registry, token)
    print(f"watch: metrics on port {server.server_port}", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
