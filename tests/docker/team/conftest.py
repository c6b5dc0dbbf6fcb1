"""A team's platform with a domain, over HTTPS, and a browser that knows it."""

import base64
import hashlib
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser

from tests.support.setup import needed
from tests.support.stack import DOMAIN, Stack, standins


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
