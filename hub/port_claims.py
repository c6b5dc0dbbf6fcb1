"""Which of several platforms that start at the same time gets a port."""

import socket

from mosshub_contract.ports import check_port

# Open until this process ends.
_claims: list[socket.socket] = []


def claim_port(port: int) -> None:
    """Claim 127.0.0.1:`port` until this process ends.

    A server listens there seconds later, the first time minutes. Another platform that starts
    meanwhile would find the same port free. A UDP socket with the same number is the claim: no part
    of the platform uses UDP, and the operating system closes it however this process ends.

    Raises:
        PermissionError: this user may not listen there.
        OSError: another program listens there, or another platform has claimed it.
    """
    check_port(port)
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        raise
    _claims.append(claim)
