"""The team's name, logo, colour and help on every page of the hub, and handed to users' servers."""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson

ATTACK = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    folder = tmp_path_factory.mktemp("hub")
    (folder / "logo.svg").write_bytes(ATTACK)
    look = {
        "TEAM_NAME": "Lab <42>",
        "TEAM_LOGO": str(folder / "logo.svg"),
        "TEAM_COLOUR": "#FFCC00",
        "HELP_URL": "https://wiki.example.org/help",
    }
    with LightHub(folder / "data", **look) as running:
        yield running


@pytest.mark.parametrize("path", ["/hub/login", "/hub/home", "/hub/nowhere", "/hub/mosshub/admin"])
def test_every_page_has_the_teams_look(hub: LightHub, path: str) -> None:
    admin = LocalPerson(hub, "admin", hub.admin_password)
    session = requests if path == "/hub/login" else admin.session
    page = session.get(hub.url + path, headers={"Accept": "text/html"}, timeout=60).text
    assert re.search(r"<title>[^<]*Lab &lt;42&gt;</title>", page)
    assert "Mosshub" not in re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)
    assert "--team: #ffcc00; --on-team: #000000;" in page
    assert 'src="/hub/logo"' in page
    assert 'href="https://wiki.example.org/help"' in page


def test_the_logo_runs_no_script(hub: LightHub) -> None:
    answer = requests.get(f"{hub.url}/hub/logo", timeout=30)
    assert answer.content == ATTACK
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "sandbox"} <= set(policy)


def test_a_users_server_learns_it(hub: LightHub) -> None:
    LocalPerson(hub, "ada").editor()
    environment = next(
        environment
        for p in hub.hub_process().children(recursive=True)
        if (environment := psutil.Process(p.pid).environ()).get("JUPYTERHUB_USER") == "ada"
    )
    look = {
        "MOSSHUB_TEAM_NAME": "Lab <42>",
        "MOSSHUB_TEAM_COLOUR": "#ffcc00",
        "MOSSHUB_TEAM_LOGO": "yes",
        "MOSSHUB_TEAM_LINKS": "",
        "MOSSHUB_HELP_URL": "https://wiki.example.org/help",
    }
    assert {name: environment[name] for name in look} == look


@pytest.mark.slow
def test_without_a_look_it_is_mosshub(tmp_path: Path) -> None:
    with LightHub(tmp_path / "data") as plain:
        page = requests.get(f"{plain.url}/hub/login", timeout=30).content.decode()
        assert "<title>Sign in · Mosshub</title>" in page
        assert ">Help<" not in page
        assert requests.get(f"{plain.url}/hub/logo", timeout=30).text.startswith("<svg")
