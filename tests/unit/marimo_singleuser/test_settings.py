"""What the hub tells a server: read, and refused with a sentence when it is wrong."""

from __future__ import annotations

import pytest
from marimo_singleuser.errors import StartError
from marimo_singleuser.settings import read_settings

from tests.support.singleuser_settings import ENV


def test_settings() -> None:
    settings = read_settings(ENV)
    assert (settings.address, settings.port, settings.base_url) == (
        "127.0.0.1",
        5000,
        "/user/ada/",
    )
    assert settings.server_name == "" and settings.templates is None
    assert "secret" not in repr(settings)


_HUB = {"JUPYTERHUB_PUBLIC_HUB_URL": "https://moss.example.org/hub/"}


@pytest.mark.parametrize(
    ("told", "own_host", "hub"),
    [
        ({}, None, "/hub/"),  # nothing is known of hosts
        ({"JUPYTERHUB_PUBLIC_URL": "https://ada.moss.example.org/user/ada/"}, None, "/hub/"),
        (
            {**_HUB, "JUPYTERHUB_PUBLIC_URL": "https://moss.example.org/user/ada/"},
            None,
            "https://moss.example.org/hub/",
        ),
        (
            {**_HUB, "JUPYTERHUB_PUBLIC_URL": "https://ada.moss.example.org/user/ada/"},
            "ada.moss.example.org",
            "https://moss.example.org/hub/",
        ),
    ],
)
def test_a_server_without_a_host_of_its_own_is_its_owners_alone(
    told: dict[str, str], own_host: str | None, hub: str
) -> None:
    settings = read_settings({**ENV, **told})
    assert (settings.own_host, settings.hub_url) == (own_host, hub)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"JUPYTERHUB_API_TOKEN": ""}, "JUPYTERHUB_API_TOKEN is not set"),
        ({"JUPYTERHUB_USER": "", "JUPYTERHUB_CLIENT_ID": ""}, "are not set"),
        ({"HOME": ""}, "HOME is not set"),
        ({"JUPYTERHUB_SERVICE_URL": "https://x:1/"}, "JUPYTERHUB_SERVICE_URL"),
        ({"JUPYTERHUB_SERVICE_URL": "http://x:nine/"}, "JUPYTERHUB_SERVICE_URL"),
        ({"MOSSHUB_NOTEBOOKS": "/does/not/exist"}, "MOSSHUB_NOTEBOOKS"),
        ({"JUPYTERHUB_ACTIVITY_INTERVAL": "soon"}, "JUPYTERHUB_ACTIVITY_INTERVAL"),
    ],
)
def test_wrong_setting_is_named(changed: dict[str, str], said: str) -> None:
    with pytest.raises(StartError, match=said):
        read_settings({**ENV, **changed})


def test_links_of_the_team_are_addresses_of_pages() -> None:
    links = read_settings({**ENV, "MOSSHUB_TEAM_LINKS": "Wiki=https://wiki.example.org"}).team_links
    assert links == (("Wiki", "https://wiki.example.org"),)
    with pytest.raises(StartError, match="MOSSHUB_TEAM_LINKS: 'Wiki=javascript:x' is not"):
        read_settings({**ENV, "MOSSHUB_TEAM_LINKS": "Wiki=javascript:x"})
