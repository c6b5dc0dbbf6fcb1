"""Write docs/settings.md from the classes of the settings: `make settings-docs`.

What the hub reads comes from its class, what only the scripts in docker/ and the backups read
from the comments of docker/.env.example.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from backup.settings import BackupSettings
from hub.kubernetes_settings import KUBERNETES_ONLY
from hub.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/settings.md"
EXAMPLE = ROOT / "docker/.env.example"

#: The hub's settings by subject, in the order of the page. Each is named once.
SUBJECTS = {
    "Address": "port domain subdomains",
    "Sign-in": "oauth_provider oauth_client_id oauth_client_secret oauth_url oauth_internal_url "
    "oauth_scope oauth_tenant allowed_users allowed_groups admin_users admin_groups "
    "auth_refresh_age start_early",
    "Users' servers": "user_images memory_limit cpu_limit process_limit active_server_limit "
    "sizes gpus disk_limit",
    "Users' servers in a cluster": "home_size home_storage_class team_size team_storage_class "
    "shared_data_claim memory_reserved cpu_reserved starts_at_once gpu_resource priority_class "
    "image_pull_secrets",
    "Apps": "app_memory_limit app_cpu_limit app_idle_timeout",
    "What the team shares": "team_folder team_groups team_limit shared_data",
    "Idleness": "idle_timeout kernel_idle_timeout waiting_kernel keep_at_most",
    "Look": "team_name team_logo team_colour help_url announcement maintenance team_links "
    "external_sharing",
    "Broker": "kafka_port kafka_bootstrap_servers kafka_admin_server kafka_groups kafka_services "
    "kafka_produce_quota kafka_consume_quota kafka_request_quota kafka_topic_quota",
    "Hub": "servers data_dir instance database_url hub_port proxy_api_port node",
    "Secrets": "proxy_token cookie_secret crypt_key broker_secret metrics_token grafana_secret "
    "database_password kafka_admin_password kafka_authority",
}
#: Defaults that depend on the size of the platform.
DEPENDS = {
    "port": "`8000`, or the next free one",
    "kafka_port": "`9092`, or the next free one",
    "admin_users": "laptop: `admin`",
    "idle_timeout": "team: `2h`",
    "kernel_idle_timeout": "team: `30m`",
    "oauth_client_secret": "",
}
LAPTOP_ONLY = {"kafka_port", "hub_port", "proxy_api_port", "node"}
#: What docker/compose.yaml sets by itself.
SET_BY_COMPOSE = {"servers", "data_dir", "kafka_admin_server"}
#: Secrets that nobody but the admin knows.
AS_FILE = {
    "oauth_client_secret",
    "database_password",
    "kafka_admin_password",
    "kafka_authority",
}
TEAM_ONLY_SUBJECTS = {"Sign-in", "Users' servers", "Secrets"}
BOTH = {"admin_users", "active_server_limit", "disk_limit"}

HEAD = """\
# Settings

`make settings-docs` writes this page from the classes of the settings; a test compares them. A
setting is a variable of the environment or a line of a file: `.env` for `make run`, `docker/.env`
for `make up`. An empty setting takes its default. A wrong one stops the start, and a message says
what it expects. Lists are separated by commas; amounts are written like `25M` or `4G`, times like
`90s`, `30m`, `2h` or `1d`.

*laptop*: `make run` reads it. *team*: `make up` reads it, and so does the chart for a cluster
([kubernetes.md](kubernetes.md)). *cluster*: only that chart reads it.
"""
SCRIPTS = """
## Of the host

The scripts of `docker/` read these from `docker/.env`, beside those above.

| settings | meaning |
|---|---|
"""


def amount(number: float, units: list[tuple[float, str]]) -> str:
    """Return a number with the largest unit that divides it, such as `25M`."""
    for size, unit in units:
        if number >= size and number % size == 0:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def default(name: str, field: FieldInfo) -> str:
    """Return a setting's default as somebody would write it, in Markdown."""
    if name in DEPENDS:
        return DEPENDS[name]
    value: Any = field.default
    if isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    if isinstance(value, frozenset | tuple):
        value = ",".join(sorted(value))
    elif isinstance(value, int | float) and name.endswith(("_at_most", "_timeout")):
        value = amount(value, [(3600, "h"), (60, "m"), (1, "s")])
    elif isinstance(value, int | float):
        byte_amount = name in ("kafka_produce_quota", "kafka_consume_quota")
        value = amount(value, [(2**20, "M")] if byte_amount else [])
    return f"`{value}`" if value not in (None, "") else ""


def meaning(name: str, field: FieldInfo) -> str:
    """Return what a setting is, with the words that it takes if these are few."""
    text = (field.description or name).replace("|", "\\|").replace("<", "&lt;")
    words = [word for word in get_args(field.annotation) if isinstance(word, str) and word]
    listed = ", ".join(f"`{word}`" for word in words)
    return f"{text}: {listed}" if listed and listed.replace("`", "") not in text else text


def size(name: str, subject: str) -> str:
    """Return for which size of the platform a setting is."""
    if name in KUBERNETES_ONLY:
        return "cluster"
    if name in LAPTOP_ONLY:
        return "laptop"
    if name in SET_BY_COMPOSE:
        return "laptop; `make up` sets it"
    if name in AS_FILE:
        return "team, as a file"
    if subject == "Secrets":
        return "`make up` makes it"
    return "team" if subject in TEAM_ONLY_SUBJECTS and name not in BOTH else "both"


def hub_tables() -> str:
    """Return a table for each subject of the hub's settings.

    Raises:
        ValueError: a setting stands under no subject, or under two.
    """
    named = [name for names in SUBJECTS.values() for name in names.split()]
    if sorted(named) != sorted(Settings.model_fields):
        odd = sorted(set(named) ^ set(Settings.model_fields)) or "one named twice"
        raise ValueError(f"docs/settings_page.py, SUBJECTS: {odd}")
    parts = []
    for subject, names in SUBJECTS.items():
        lines = [f"\n## {subject}\n", "| setting | default | for | meaning |", "|---|---|---|---|"]
        for name in names.split():
            field = Settings.model_fields[name]
            cells = (f"`{name.upper()}`", default(name, field), size(name, subject))
            lines.append(f"| {' | '.join(cells)} | {meaning(name, field)} |")
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def example_groups() -> list[tuple[list[str], str]]:
    """Return the names of docker/.env.example that share a comment, and that comment."""
    groups: list[tuple[list[str], str]] = []
    names: list[str] = []
    words: list[str] = []
    for line in [*EXAMPLE.read_text("utf-8").splitlines(), "# "]:
        if found := re.match(r"([A-Z_]+)=", line):
            names.append(found[1])
        elif names and words:
            groups.append((names, " ".join(words)))
            names, words = [], []
        if line.startswith("# ") and not line.startswith("# ---"):
            words.append(line[2:].strip())
        elif not line.startswith("#") and not found:
            words = []
    return groups


def host_table() -> str:
    """Return a table of what only the scripts of docker/ and the backups read."""
    rows = []
    for names, comment in example_groups():
        rest = [name for name in names if name.lower() not in Settings.model_fields]
        if rest:
            rows.append(f"| {', '.join(f'`{name}`' for name in rest)} | {comment} |")
    shown = "\n".join(rows)
    own = {n for n in BackupSettings.model_fields if n.startswith("backup_")}
    if missing := sorted(name for name in own if f"`{name.upper()}`" not in shown):
        raise ValueError(f"docker/.env.example lacks {missing}")
    return SCRIPTS + shown + "\n"


def page() -> str:
    """Return the whole page as Markdown."""
    return HEAD + hub_tables() + host_table()


if __name__ == "__main__":
    text = page()
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text("utf-8") == text else "docs/settings.md: make settings-docs")
    PAGE.write_text(text, "utf-8")
