"""`python -m marimo_singleuser.app_server.front`: marimo's program, which learns viewers' names.

`mo.app_meta().request.user` has the viewer's name where the author asked for it. marimo itself
knows one user, with the name `user`.
"""

from urllib.parse import unquote

from marimo._cli.cli import main
from marimo._server.api.middleware import AuthBackend
from starlette.authentication import AuthCredentials, BaseUser, SimpleUser
from starlette.requests import HTTPConnection

from marimo_singleuser.app_server.viewer import VIEWER_HEADER

_authenticate = AuthBackend.authenticate


async def authenticate(
    self: AuthBackend, conn: HTTPConnection
) -> tuple[AuthCredentials, BaseUser] | None:
    """Return who sends a request, as marimo does, with the name that the proxy tells."""
    found = await _authenticate(self, conn)
    viewer = conn.headers.get(VIEWER_HEADER)
    if found is None or viewer is None:
        return found
    return found[0], SimpleUser(unquote(viewer))


if __name__ == "__main__":
    AuthBackend.authenticate = authenticate  # type: ignore[method-assign]
    main(prog_name="marimo")
