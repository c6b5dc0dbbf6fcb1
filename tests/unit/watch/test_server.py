"""Nobody reads metrics without the token."""

import threading
from collections.abc import Iterator

import pytest
import requests
from prometheus_client import CollectorRegistry, Gauge

from watch.server import make

TOKEN = "a" * 64


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    registry = CollectorRegistry()
    Gauge("things", "Some.", registry=registry).set(3)
    server = make("127.0.0.1", 0, registry, TOKEN)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_who_has_the_token_reads_them(url: str) -> None:
    answer = requests.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5)
    assert "\nthings 3.0\n" in answer.text


@pytest.mark.parametrize("given", [None, "", "Bearer ", f"Bearer {TOKEN[1:]}", f"token {TOKEN}"])
def test_nobody_else_does(url: str, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = requests.get(f"{url}/metrics", headers=headers, timeout=5)
    assert (answer.status_code, "things" in answer.text) == (403, False)


def test_there_is_nothing_else(url: str) -> None:
    assert requests.get(f"{url}/health", timeout=5).text == "ok\n"
    assert requests.get(f"{url}/", timeout=5).status_code == 404
    assert requests.post(f"{url}/metrics", timeout=5).status_code == 404
