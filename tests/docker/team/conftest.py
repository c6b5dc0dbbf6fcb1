"""A team's platform with a domain, over HTTPS, and a browser that knows it."""

import base64
import hashlib
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.setup import needed
from tests.support.stack import DOMAIN, Stack, standins
from tests.support.team_pages import fill_in, network_changed, open_page, watch


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`make up` from nothing, with a domain."""
    running = Stack(tmp_path_factory.mktemp("team"), https=True)
    try:
        with needed("the demo with a domain does not start"):
            standins()
            running.start()
        yield running
    finally:
        running.remove()


@pytest.fixture(scope="session")
def browser(launch: Callable[..., Browser], stack: Stack) -> Iterator[Browser]:
    """A browser that finds the domain and trusts Caddy's authority, and no other."""
    issuer = x509.load_pem_x509_certificate(stack.certificate("intermediate").encode())
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    trusted = base64.b64encode(hashlib.sha256(key).digest()).decode()
    running = launch(f"--ignore-certificate-errors-spki-list={trusted}", names={DOMAIN: stack.bind})
    yield running
    running.close()


@pytest.fixture
def enter(profile: Callable[..., BrowserContext], stack: Stack) -> Callable[..., Page]:
    """Sign a person in, in a browser profile of their own; return the page where they land."""

    def go(name: str, path: str = "/") -> Page:
        page = watch(profile().new_page())
        open_page(page, stack.url + path)
        button = page.get_by_role("button", name="Sign in with Keycloak")
        button.click()
        if network_changed(page):
            open_page(page, stack.url + path)
            button.click()
        fill_in(page, name, stack.secret(name))
        return page

    return go
