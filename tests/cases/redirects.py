"""No link leads from the platform to another site."""

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
import requests

EVIL = "evil.example"


FORMS = [
    f"https://{EVIL}", f"http://{EVIL}/", f"//{EVIL}", f"///{EVIL}", f"////{EVIL}/x",
    f"\\\\{EVIL}", f"/\\{EVIL}", f"\\/{EVIL}", f"/\\/{EVIL}", f"https:{EVIL}", f"https:/{EVIL}",
    f"https:\\\\{EVIL}", f"HTTPS://{EVIL}", f" https://{EVIL}", f"\thttps://{EVIL}",
    f"\nhttps://{EVIL}", f"ht\ntps://{EVIL}", f"/\t/{EVIL}", f"/\n/{EVIL}", f"/%09/{EVIL}",
    f"/%2f{EVIL}", f"%2f%2f{EVIL}", f"/hub/..//{EVIL}", f"/hub//{EVIL}/..", f"//{EVIL}/hub/home",
    f"https://localhost@{EVIL}/", f"//localhost:80@{EVIL}/", f"https://localhost.{EVIL}/",
    f"javascript:location='https://{EVIL}'", f"data:text/html,<a href=//{EVIL}>", f"//{EVIL}%2f..",
    f"/.//{EVIL}", f"\u2028//{EVIL}", f"/\u3000/{EVIL}",
]  # fmt: skip


def browsers_reading(location: str, base: str) -> str:
    """The host that a browser goes to (WHATWG: tabs and line ends vanish, \\ counts as /)."""
    cleaned = re.sub(r"[\t\r\n]", "", location).strip("".join(map(chr, range(33))))
    cleaned = cleaned.replace("\\", "/")
    # Any number of slashes begins a host where the scheme is the page's own.
    if re.match(r"(?i)https?:", cleaned):
        cleaned = re.sub(r"(?i)^(https?):/*", r"\1://", cleaned)
    elif cleaned.startswith("//"):
        cleaned = "//" + cleaned.lstrip("/")
    return urlsplit(urljoin(base, cleaned)).netloc.rpartition("@")[2]


def is_ours(host: str, home: str) -> bool:
    """Return whether a host is the hub's or a user's."""
    return host == home or host.endswith(f".{home}")


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize(
    "page", ["login", "logout", "oauth_login", "spawn", "spawn/ada", "home", ""]
)
def test_next_leads_nowhere_else(ada, page, signed_in):
    home = urlsplit(ada.url).netloc
    for form in FORMS:
        jar = requests.Session()
        jar.headers["Sec-Fetch-Mode"] = "navigate"
        jar.verify, jar.trust_env = ada.session.verify, False
        if signed_in and page != "logout":
            jar.cookies.update(ada.session.cookies)
        address = f"{ada.url}/hub/{page}?next={quote(form, safe='')}"
        for _ in range(8):
            answer = jar.get(address, allow_redirects=False, timeout=60)
            assert EVIL not in urlsplit(answer.url).netloc
            for location in re.findall(r"(?i)http-equiv=.refresh.[^>]*url=([^\"'>]+)", answer.text):
                assert is_ours(browsers_reading(location, address), home), (form, location)
            if not answer.is_redirect:
                break
            location = answer.headers["Location"]
            if urljoin(address, location).startswith(ada.provider):
                break  # where it comes back to, is fixed
            assert is_ours(browsers_reading(location, address), home), (form, location)
            assert urlsplit(urljoin(address, location)).scheme in ("http", "https")
            address = urljoin(address, location)


@pytest.mark.parametrize(
    "path", [f"/{EVIL}", f"//{EVIL}", f"/\\{EVIL}", f"/%5c{EVIL}", f"/%2f{EVIL}", f"/..//{EVIL}"]
)
def test_user_redirect_leads_nowhere_else(ada, path):
    home = urlsplit(ada.url).netloc
    prepared = requests.Request(
        "GET", ada.url, headers={**ada.hub_cookies(), "Sec-Fetch-Mode": "navigate"}
    ).prepare()
    prepared.url = f"{ada.url}/hub/user-redirect{path}"
    answer = ada.session.send(prepared, allow_redirects=False, timeout=60)
    if answer.is_redirect:
        assert is_ours(browsers_reading(answer.headers["Location"], ada.url), home)
