"""What the hub tells a user's server: environment variables, read once, at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from mosshub_contract import apps, left_out, team_folder
from mosshub_contract.team_colour import parse_colour
from mosshub_contract.team_links import TeamLink, parse_team_links
from mosshub_contract.topics import PREFIX_VARIABLE

from .errors import StartError
from .team.variables import team_folder_settings

GIB = 1024**3

# JupyterHub sets all of these for every single-user server.
_REQUIRED = (
    "JUPYTERHUB_API_TOKEN",
    "JUPYTERHUB_API_URL",
    "JUPYTERHUB_ACTIVITY_URL",
    "JUPYTERHUB_CLIENT_ID",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES",
    "JUPYTERHUB_SERVICE_PREFIX",
    "JUPYTERHUB_SERVICE_URL",
    "JUPYTERHUB_USER",
)


@dataclass(frozen=True)
class Settings:
    """Where a user's server listens, and which directories and limits it has.

    Attributes:
        user: the user's name.
        server_name: the name of a named server; empty for the default one.
        address: host name or IP address to listen on.
        port: TCP port to listen on.
        base_url: path of this server, percent-encoded, with a slash at both ends.
        home: the user's home directory.
        templates: directory with the platform's notebooks; None if there are none.
        hub_url: address of the hub for browsers with a slash at its end; only a path where hub and
            server have one host.
        api_url: address of the hub's API, without a slash at its end.
        activity_url: address of the hub's API for this user's activity.
        api_token: this server's token for the hub's API.
        own_host: host name of this server's pages, which is no other pages'. None if they share one
            with the hub's; then nobody but the user may use this server.
        team_name: the platform's name, as its pages show it.
        team_colour: the team's colour as `#rrggbb`; empty for the platform's own.
        has_team_logo: whether the hub has a logo of the team's.
        help_url: where members find help; empty if there is nothing.
        announcement: what the team tells its members; empty if there is nothing.
        team_links: title and address of each of the team's links.
        idle_timeout_s: seconds without use after which the hub stops this server; 0 for never.
        keep_at_most_s: seconds for which the user may keep an idle server running; 0 for none.
        disk_limit: bytes that the user's files may take; 0 for what the file system has.
        app: the app that this server runs; empty in a user's editor.
        topic_prefix: prefix of the user's own topics, such as `ada.`.
        team_directory: directory with the parts of the team's folder; None if there is none.
        team_parts: its parts.
        team_limit: bytes that it may take; 0 for what the file system has.
        shared_data: a directory that everybody reads; None if there is none.
        without: what this start leaves out: the user's own PACKAGES, their SETTINGS of marimo.
        activity_interval_s: seconds between two samples of the activity.
        max_upload_bytes: largest body of a request.
        start_timeout_s: seconds for which a request waits for marimo to start.
    """

    user: str
    server_name: str
    address: str
    port: int
    base_url: str
    home: Path
    templates: Path | None
    hub_url: str
    api_url: str
    activity_url: str
    api_token: str = field(repr=False)
    own_host: str | None = None
    team_name: str = "Mosshub"
    team_colour: str = ""
    has_team_logo: bool = False
    help_url: str = ""
    announcement: str = ""
    team_links: tuple[TeamLink, ...] = ()
    idle_timeout_s: float = 0
    keep_at_most_s: float = 0
    disk_limit: int = 0
    app: str = ""
    topic_prefix: str = ""
    team_directory: Path | None = None
    team_parts: tuple[team_folder.Part, ...] = ()
    team_limit: int = 0
    shared_data: Path | None = None
    without: frozenset[str] = frozenset()
    activity_interval_s: float = 60
    max_upload_bytes: int = 2 * GIB
    start_timeout_s: float = 60

    @property
    def notebooks(self) -> Path:
        """Directory that marimo opens: the user's notebooks."""
        return self.home / "notebooks"

    @property
    def own_venv(self) -> Path:
        """The user's own Python environment."""
        return self.home / ".venv"

    @property
    def venv(self) -> Path:
        """The Python environment of this start: the user's own, or one without their packages."""
        if left_out.PACKAGES in self.without:
            return self.home / ".cache" / "mosshub" / "plain-venv"
        return self.own_venv

    @property
    def state(self) -> Path:
        """Directory for what this program remembers between two starts."""
        return self.home / ".local" / "share" / "mosshub"


def read_settings(env: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables.

    Args:
        env: values by name, such as `os.environ`.

    Raises:
        StartError: a variable is missing or wrong; the message names it.
    """
    missing = [name for name in _REQUIRED if not env.get(name)]
    if missing:
        raise StartError(
            f"JupyterHub starts marimo-singleuser, and here {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set. Start the server from the hub's page "
            "(for marimo alone, run `marimo edit`)."
        )
    if not env.get("HOME"):
        raise StartError("HOME is not set. The spawner must set it to the user's home directory.")
    url = urlparse(env["JUPYTERHUB_SERVICE_URL"])
    try:
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError:
        port = 0
    if url.scheme != "http" or not url.hostname or not port:
        raise StartError(
            f"JUPYTERHUB_SERVICE_URL is {env['JUPYTERHUB_SERVICE_URL']!r}; expected an address "
            "such as http://127.0.0.1:8888/user/ada/ (TLS ends at the edge, not in the server)."
        )
    prefix = env["JUPYTERHUB_SERVICE_PREFIX"]
    templates = "" if env.get(apps.VARIABLE) else env.get("MOSSHUB_NOTEBOOKS")
    if templates and not Path(templates).is_dir():
        raise StartError(
            f"MOSSHUB_NOTEBOOKS names {templates}, which is not a directory this server can read. "
            "Correct it in the spawner's environment, or remove it there."
        )
    return Settings(
        user=env["JUPYTERHUB_USER"],
        server_name=env.get("JUPYTERHUB_SERVER_NAME", ""),
        address=url.hostname,
        port=port,
        base_url="/" + prefix.strip("/") + "/" if prefix.strip("/") else "/",
        home=Path(env["HOME"]),
        templates=Path(templates) if templates else None,
        hub_url=env.get("JUPYTERHUB_PUBLIC_HUB_URL")
        or env.get("JUPYTERHUB_BASE_URL", "/") + "hub/",
        own_host=_own_host(env),
        api_url=env["JUPYTERHUB_API_URL"].rstrip("/"),
        activity_url=env["JUPYTERHUB_ACTIVITY_URL"],
        api_token=env["JUPYTERHUB_API_TOKEN"],
        team_name=env.get("MOSSHUB_TEAM_NAME") or "Mosshub",
        team_colour=_team_colour(env),
        has_team_logo=env.get("MOSSHUB_TEAM_LOGO") == "yes",
        help_url=env.get("MOSSHUB_HELP_URL", ""),
        announcement=env.get("MOSSHUB_ANNOUNCEMENT", "").strip(),
        team_links=_team_links(env),
        **_care(env),
        **team_folder_settings(env),
        activity_interval_s=_seconds(env, "JUPYTERHUB_ACTIVITY_INTERVAL", 60),
    )


def _care(env: Mapping[str, str]) -> dict[str, Any]:
    """Return what runs here, and the settings about idleness, disk and what a start leaves out."""
    return {
        "app": env.get(apps.VARIABLE, ""),
        "topic_prefix": env.get(PREFIX_VARIABLE, ""),
        "idle_timeout_s": float(env.get("MOSSHUB_IDLE_TIMEOUT") or 0),
        "keep_at_most_s": float(env.get("MOSSHUB_KEEP_AT_MOST") or 0),
        "disk_limit": int(env.get("MOSSHUB_DISK_LIMIT") or 0),
        "without": read_without(env.get(left_out.VARIABLE, "")),
    }


def read_without(text: str) -> frozenset[str]:
    """Return what a start leaves out.

    Args:
        text: the words, separated by commas.
    """
    return frozenset(word for word in text.split(",") if word)


def _team_colour(env: Mapping[str, str]) -> str:
    value = env.get("MOSSHUB_TEAM_COLOUR", "")
    try:
        return parse_colour(value) if value else ""
    except ValueError as e:
        raise StartError(f"MOSSHUB_TEAM_COLOUR is {value!r}; expected {e}.") from e


def _team_links(env: Mapping[str, str]) -> tuple[TeamLink, ...]:
    try:
        return parse_team_links(env.get("MOSSHUB_TEAM_LINKS", ""))
    except ValueError as e:
        raise StartError(f"MOSSHUB_TEAM_LINKS: {e}. Correct TEAM_LINKS in the settings.") from e


def _own_host(env: Mapping[str, str]) -> str | None:
    """Return the host name of this server's pages; None if it is the hub's, or unknown."""
    own, hub = (
        urlparse(env.get(f"JUPYTERHUB_PUBLIC_{name}", "")).hostname for name in ("URL", "HUB_URL")
    )
    return own if hub is not None and own != hub else None


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    value = env.get(name)
    if not value:
        return default
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0
    if seconds <= 0:
        raise StartError(f"{name} is {value!r}; expected a number of seconds above 0.")
    # The hub's interval may be long. A culler that looks every minute needs fresher news.
    return min(seconds, default)
