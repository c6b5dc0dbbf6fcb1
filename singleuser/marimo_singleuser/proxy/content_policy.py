"""What a browser may do with an answer. Pure functions.

A user's server also answers with files that are nobody's pages: outputs of notebooks, uploads,
public folders. Opened as a page, such a file must not act for whoever opened it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_ASSETS = re.compile(
    r"assets/.*|public-files-sw\.js|favicon\.ico|manifest\.json|logo\.png|apple-touch-icon\.png"
    r"|android-chrome-(192x192|512x512)\.png"
)
_VIRTUAL_FILES = "@file/"
_FRAMED = "frame-ancestors 'self'"
# A notebook shows some outputs (Bokeh, pyecharts, IPython's HTML) as virtual files in frames. There
# they run their scripts, in an origin that is nobody's.
_SCRIPTS = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"


def content_policy(path: str, content_type: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that say what a browser may do with one of marimo's answers.

    Args:
        path: the request's path below the server's base URL, without a slash at its start.
        content_type: type of the answer, such as `text/html`.
        headers: the request's headers.
    """
    nosniff = {"X-Content-Type-Options": "nosniff"}
    if _ASSETS.fullmatch(path):
        return nosniff  # a policy would also hold for a worker, which is started from an asset
    if path == "":
        return {**nosniff, "Content-Security-Policy": _FRAMED}  # marimo's own page
    if content_type == "application/pdf":
        # Chromium shows no PDF in a sandbox. Scripts in one reach neither cookies nor the server.
        return {**nosniff, "Content-Security-Policy": _FRAMED}
    sandbox, varies = "sandbox", {}
    if path.startswith(_VIRTUAL_FILES):
        varies = {"Vary": "Sec-Fetch-Dest, Sec-Fetch-Site"}
        if _is_in_own_frame(headers):
            sandbox = _SCRIPTS
    return {**nosniff, **varies, "Content-Security-Policy": f"{sandbox}; {_FRAMED}"}


def _is_in_own_frame(headers: Mapping[str, str]) -> bool:
    """Return whether a page of this server shows the answer in a frame."""
    return (
        headers.get("Sec-Fetch-Dest", "").lower() == "iframe"
        and headers.get("Sec-Fetch-Site", "").lower() == "same-origin"
    )
