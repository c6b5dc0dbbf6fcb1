"""No link leads from the platform to another site."""

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
import requests

from tests.support.members import TeamMember

pytestmark = pytest.mark.timeout(1200)


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
def test_next_leads_nowhere_else(stack, ada, page, signed_in):
    home = urlsplit(stack.url).netloc
    for form in FORMS:
        jar = requests.Session()
        jar.headers["Sec-Fetch-Mode"] = "navigate"
        if signed_in and page != "logout":
            jar.cookies.update(ada.session.cookies)
        address = f"{stack.url}/hub/{page}?next={quote(form, safe='')}"
        for _ in range(8):
            answer = jar.get(address, allow_redirects=False, timeout=60)
            assert EVIL not in urlsplit(answer.url).netloc
            for location in re.findall(r"(?i)http-equiv=.refresh.[^>]*url=([^\"'>]+)", answer.text):
                assert is_ours(browsers_reading(location, address), home), (form, location)
            if not answer.is_redirect:
                break
            location = answer.headers["Location"]
            assert is_ours(browsers_reading(location, address), home), (form, location)
            assert urlsplit(urljoin(address, location)).scheme in ("http", "https")
            address = urljoin(address, location)
            if "/auth/realms/" in address:  # the provider; where it comes back to, is fixed
                break


def test_next_after_signing_in_leads_home(stack):
    """The whole way: the form, the provider, and back; a page of the platform is kept."""
    home = urlsplit(stack.url).netloc
    for form in [*FORMS[:12], FORMS[21], FORMS[25]]:
        member = TeamMember(stack, "linus", next=form)
        assert is_ours(browsers_reading(member.landed, stack.url), home), (form, member.landed)
        assert EVIL not in urlsplit(urljoin(stack.url, member.landed)).netloc
    assert TeamMember(stack, "linus", next="/hub/token").landed.endswith("/hub/token")


@pytest.mark.parametrize(
    "path", [f"/{EVIL}", f"//{EVIL}", f"/\\{EVIL}", f"/%5c{EVIL}", f"/%2f{EVIL}", f"/..//{EVIL}"]
)
def test_user_redirect_leads_nowhere_else(stack, ada, path):
    home = urlsplit(stack.url).netloc
    prepared = requests.Request(
        "GET", stack.url, headers={**ada.hub_cookies(), "Sec-Fetch-Mode": "navigate"}
    ).prepare()
    prepared.url = f"{stack.url}/hub/user-redirect{path}"
    answer = requests.Session().send(prepared, allow_redirects=False, timeout=60)
    if answer.is_redirect:
        assert is_ours(browsers_reading(answer.headers["Location"], stack.url), home)
