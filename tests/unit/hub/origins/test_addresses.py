"""Where a request was sent to, by which page, and with whose cookies."""

import pytest
from mosshub_contract.page_loads import is_page_load

from hub.origins.addresses import (
    HubAddress,
    Place,
    host_cookie,
    is_from_another_page,
    is_loopback,
    without_planted_cookies,
)

HUB = HubAddress("https://moss.example.org:8443")


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("moss.example.org", Place.HUB),
        ("MOSS.example.org.", Place.HUB),
        ("ada.moss.example.org", Place.USER),
        ("a.b.moss.example.org", Place.USER),
        ("xmoss.example.org", Place.OUTSIDE),
        ("moss.example.org.evil.example", Place.OUTSIDE),
        ("example.org", Place.OUTSIDE),
        ("127.0.0.1", Place.OUTSIDE),
        ("hub", Place.OUTSIDE),
        ("", Place.OUTSIDE),
    ],
)
def test_place(host: str, place: Place) -> None:
    assert HUB.place(host) is place


@pytest.mark.parametrize(
    ("host", "itself"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("10.0.0.1", False),
     ("localhost", False), ("hub", False), ("", False)],
)  # fmt: skip
def test_loopback(host: str, itself: bool) -> None:
    assert is_loopback(host) is itself


@pytest.mark.parametrize(
    ("method", "headers", "page"),
    [
        ("GET", {"Sec-Fetch-Mode": "navigate"}, True),
        ("GET", {"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, False),
        ("GET", {"Accept": "text/html,*/*"}, True),
        ("GET", {"Accept": "*/*"}, False),
        ("GET", {}, False),
        ("POST", {"Sec-Fetch-Mode": "navigate"}, False),
    ],
)
def test_page_load(method: str, headers: dict[str, str], page: bool) -> None:
    assert is_page_load(method, headers) is page


NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
@pytest.mark.parametrize(
    ("method", "headers", "foreign"),
    [
        ("GET", NAVIGATE, False),  # a link, or the provider sends the browser back
        ("HEAD", NAVIGATE, False),
        ("POST", NAVIGATE, True),  # a form
        ("GET", {**NAVIGATE, "Sec-Fetch-Dest": "iframe"}, True),
        ("GET", {**NAVIGATE, "Sec-Fetch-Dest": "embed"}, True),
        ("GET", {"Sec-Fetch-Mode": "cors"}, True),
        ("GET", {"Sec-Fetch-Mode": "no-cors"}, True),
        ("GET", {"Sec-Fetch-Mode": "websocket"}, True),
        ("GET", {}, True),
    ],
)
def test_a_request_of_another_page(
    site: str, method: str, headers: dict[str, str], foreign: bool
) -> None:
    assert is_from_another_page(method, {"Sec-Fetch-Site": site, **headers}) is foreign


@pytest.mark.parametrize(
    "site", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}]
)
def test_the_hubs_own_pages_and_programs_ask_as_they_like(site: dict[str, str]) -> None:
    assert not is_from_another_page("POST", {**site, "Sec-Fetch-Mode": "cors"})


def test_a_planted_cookie_is_dropped() -> None:
    planted = "_xsrf=bad; jupyterhub-session-id=bad; __Host-_xsrf=good; a=b; __host-x=bad"
    assert without_planted_cookies(planted) == "__Host-_xsrf=good; _xsrf=good"
    assert without_planted_cookies("a=b") == ""
    assert without_planted_cookies("__Host-a=1; __Host-b=2;") == "__Host-a=1; a=1; __Host-b=2; b=2"


def test_a_cookies_name_gets_its_prefix_once() -> None:
    assert host_cookie("_xsrf") == "__Host-_xsrf"
    assert host_cookie("__Host-_xsrf") == "__Host-_xsrf"
