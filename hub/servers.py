"""The contract between the hub and a user's server.

The hub passes environment variables to a server: JupyterHub's own JUPYTERHUB_*, and these:

| variable                  | meaning                                                              |
|---------------------------|----------------------------------------------------------------------|
| `HOME`                    | the user's home directory                                            |
| `KAFKA_BOOTSTRAP_SERVERS` | the broker, `host:port[,host:port]`                                  |
| `MOSSHUB_TOPIC_PREFIX`    | prefix of the user's own topics and groups, such as `ada.`           |
| `MOSSHUB_NOTEBOOKS`       | directory of the notebooks that the server copies to `~/notebooks`   |
| `MOSSHUB_ANNOUNCEMENT`    | what the team tells its members on the home page, plain text         |
| `MOSSHUB_TEAM_LINKS`      | its links, as `mosshub_contract.team_links` reads them               |
| `MARIMO_RESTRICT_SHARING` | `true`: marimo offers no way to publish a notebook outside           |
| `MOSSHUB_INSTANCE`        | the platform that a process belongs to; `hub.processes` finds it     |

The broker account is in no environment. The server asks the hub for it with its own token, at
`mosshub_contract.broker_account.API_PATH`, writes it to a file, and names that file to kernels:

| variable                  | meaning                                                              |
|---------------------------|----------------------------------------------------------------------|
| `MOSSHUB_BROKER_ACCOUNT`  | file with the user's broker account, readable by that user only      |
"""

from typing import Any

from mosshub_contract.team_links import format_team_links

from hub.processes import INSTANCE_VARIABLE
from hub.settings import ROOT, Settings
from hub.signin.names import topic_prefix

_KEPT = [
    "PATH LANG LANGUAGE LC_ALL LC_CTYPE TZ TMPDIR",
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS PIP_CERT",
    "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy",
    "PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE UV_INDEX_URL UV_DEFAULT_INDEX",
]
#: What a server on a laptop inherits from the hub's environment: language, certificates, network
#: proxies and package indexes, nothing else.
ENV_KEEP = " ".join(_KEPT).split()


def server_environment(settings: Settings) -> dict[str, Any]:
    """Return the variables of every server, as JupyterHub's `Spawner.environment` takes them."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "MOSSHUB_TOPIC_PREFIX": lambda spawner: topic_prefix(spawner.user.name),
        "MOSSHUB_NOTEBOOKS": str(ROOT / "notebooks"),
        "MOSSHUB_ANNOUNCEMENT": settings.announcement,
        "MOSSHUB_TEAM_LINKS": format_team_links(settings.team_links),
        "MARIMO_RESTRICT_SHARING": "" if settings.external_sharing else "true",
        INSTANCE_VARIABLE: str(settings.data_dir),
    }
