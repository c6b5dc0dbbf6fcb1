"""What a browser shows where there is no page of marimo: a sentence, for every kind of error."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from mosshub_contract.ports import free_port

from tests.support.singleuser import HUB_ENV, Person
from tests.support.waiting import wait_until

PAGE = {"Accept": "text/html"}
COMES_BACK = '<meta http-equiv="refresh" content="5">'


@pytest.mark.parametrize("path", ["nowhere", "api/nowhere"])
def test_an_address_where_nothing_is(ada: Person, path: str) -> None:
    page = ada.get(path)
    assert page.status_code == 404
    assert "There is nothing at this address. Open your editor from the hub." in page.text
    assert "To the hub" in page.text
    fetched = ada.session.get(ada.base + path, headers={"Sec-Fetch-Mode": "cors"}, timeout=60)
    assert fetched.status_code == 404
    assert fetched.json()["detail"], "marimo's own answer to a program"


def test_a_file_of_a_notebook_that_is_gone(ada: Person) -> None:
    """A link to a download, after its cell has run again."""
    page = ada.get("@file/9-nowhere.png")
    assert page.status_code == 503
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "If this is a file of a notebook, run its cell again." in page.text


def test_an_answer_of_marimo_that_is_no_error_stays_as_it_is(ada: Person) -> None:
    assert ada.get("api/status").json()


@pytest.fixture
def server_without_a_hub(tmp_path: Path) -> Iterator[str]:
    """The address of a user's server whose hub is away."""
    url = f"http://127.0.0.1:{free_port()}/user/ada/"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "marimo_singleuser"],
            env={
                **HUB_ENV,
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path / "home"),
                "JUPYTERHUB_SERVICE_URL": url,
            },
            stdout=log,
            stderr=log,
        )

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "log").read_text()
        with contextlib.suppress(requests.ConnectionError):
            return bool(requests.get(url, timeout=30).status_code)
        return False

    (tmp_path / "home").mkdir()
    wait_until(answers, 100, "the server to listen")
    yield url
    process.terminate()
    process.wait(30)


def test_a_hub_that_is_away_is_no_error_of_the_server(server_without_a_hub: str) -> None:
    sign_in = {"Authorization": "token somebody-who-is-signed-in"}
    page = requests.get(server_without_a_hub, headers={**sign_in, **PAGE}, timeout=60)
    assert page.status_code == 503
    assert "The hub does not say who you are at the moment. Try again in a minute." in page.text
    assert COMES_BACK in page.text
    program = requests.get(server_without_a_hub + "api/status", headers=sign_in, timeout=60)
    assert program.status_code == 503
    assert program.json()["detail"].startswith("The hub does not say who you are")
