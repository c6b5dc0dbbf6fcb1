"""Until when the certificate of the platform is valid."""

import socket
import ssl
from contextlib import suppress

from cryptography import x509

_TIMEOUT_S = 3.0


def valid_until(edge: str, domain: str) -> float | None:
    """Return when the certificate for a name ends, in seconds since 1970; None without an answer.

    Who signed it is no matter here: browsers check that.

    Args:
        edge: `host:port` of the program that has it.
        domain: the name.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, _, port = edge.rpartition(":")
    with suppress(OSError, ValueError):
        with (
            socket.create_connection((host, int(port)), timeout=_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=domain) as tls,
        ):
            found = tls.getpeercert(binary_form=True)
        if found:
            return x509.load_der_x509_certificate(found).not_valid_after_utc.timestamp()
    return None
