"""How much of what somebody sends the hub keeps in memory. The servers are light ones."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from tests.support.light_hub import LightHub
from tests.support.memory import MIB, Memory
from tests.support.people import LocalPerson

pytestmark = pytest.mark.slow
APPS = "/hub/api/mosshub/apps"


@pytest.fixture(scope="module")
def light_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    with LightHub(tmp_path_factory.mktemp("bodies") / "data") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "headers"), [("/hub/login", {}), (APPS, {"Authorization": "token of-nobody"})]
)
@pytest.mark.parametrize("is_size_told", [True, False])
def test_a_stranger_fills_no_memory(
    light_hub: LightHub, path: str, headers: dict[str, str], is_size_told: bool
) -> None:
    memory, seen = Memory(light_hub.hub_process()), []
    body = bytes(90 * MIB)

    def pieces() -> Iterator[bytes]:
        for begin in range(0, len(body), MIB):
            seen.append(memory.now())
            yield body[begin : begin + MIB]

    before = memory.now()
    sent = requests.Request("POST", light_hub.url + path, data=pieces(), headers=headers).prepare()
    if is_size_told:
        del sent.headers["Transfer-Encoding"]
        sent.headers["Content-Length"] = str(len(body))
    # Or the connection ends while it sends.
    with suppress(requests.ConnectionError), requests.Session() as session:
        assert session.send(sent, timeout=60).status_code in (400, 503)
    assert max(seen) - before < 20 * MIB
    assert requests.get(f"{light_hub.url}/hub/health", timeout=10).ok


def test_a_users_server_sends_what_is_large(light_hub: LightHub) -> None:
    LocalPerson(light_hub, "ada").editor()
    token = next(
        p.environ()["JUPYTERHUB_API_TOKEN"]
        for p in light_hub.hub_process().children(recursive=True)
        if p.environ().get("JUPYTERHUB_USER") == "ada"
    )
    answer = requests.put(
        f"http://127.0.0.1:{light_hub.hub_port}{APPS}",
        data=bytes(20 * MIB),
        headers={"Authorization": f"token {token}"},
        timeout=60,
    )
    assert answer.status_code == 400
    assert "This is not the description of an app" in answer.json()["message"]
