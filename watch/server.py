"""The web server: `/metrics` for whoever has the token, `/health` for everybody."""

import hmac
import sys
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

_Start = Callable[[str, list[tuple[str, str]]], Any]


def application(registry: CollectorRegistry, token: str) -> Callable[..., Iterable[bytes]]:
    """Return the program as WSGI has it.

    Args:
        registry: the metrics.
        token: who sends it as `Authorization: Bearer …` may read them.
    """
    wanted = f"Bearer {token}".encode()

    def answer(environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("utf-8", "replace")
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] != "GET" or path not in ("/metrics", "/health"):
            return _text(start, "404 Not Found", "There is only /metrics.\n")
        if path == "/health":
            return _text(start, "200 OK", "ok\n")
        if not hmac.compare_digest(given, wanted):
            return _text(start, "403 Forbidden", "The token METRICS_TOKEN is needed.\n")
        body = generate_latest(registry)
        start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [body]

    return answer


def _text(start: _Start, status: str, text: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [text.encode()]


class _Quiet(WSGIRequestHandler):
    """Logs no request that was answered."""

    timeout = 30  # seconds for a request to come; they are answered one after the other

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if not str(code).startswith(("200", "403", "404")):
            print(f"watch: {self.path.partition('?')[0]} {code}", file=sys.stderr, flush=True)


def make(ip: str, port: int, registry: CollectorRegistry, token: str) -> WSGIServer:
    """Return a server that listens already; `serve_forever` answers.

    Args:
        ip: address to listen on.
        port: port to listen on, 0 for one that is free.
        registry: the metrics.
        token: who has it may read them.
    """
    return make_server(ip, port, application(registry, token), handler_class=_Quiet)
