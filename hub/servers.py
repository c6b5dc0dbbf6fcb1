"""The contract between the hub and a user's server.

The hub passes environment variables to a server: JupyterHub's own JUPYTERHUB_*, and these:

| variable                  | meaning                                                              |
|---------------------------|----------------------------------------------------------------------|
| `HOME`                    | the user's home directory                                            |
| `KAFKA_BOOTSTRAP_SERVERS` | the broker, `host:port[,host:port]`                                  |
| `MOSSHUB_TOPIC_PREFIX`    | prefix of the user's own topics and groups, such as `ada.`           |
| `MOSSHUB_NOTEBOOKS`       | directory of the notebooks that the server copies to `~/notebooks`   |
| `MOSSHUB_ANNOUNCEMENT`    | what the team tells its members on the home page, plain text         |
| `MOSSHUB_TEAM_NAME`       | the platform's name, as its pages show it                            |
| `MOSSHUB_TEAM_COLOUR`     | the team's colour as `#rrggbb`; empty for the platform's own         |
| `MOSSHUB_TEAM_LOGO`       | `yes`: the team has a logo of its own, at the hub's `logo`           |
| `MOSSHUB_HELP_URL`        | where members find help; empty if there is nothing                   |
| `MOSSHUB_TEAM_LINKS`      | its links, as `mosshub_contract.team_links` reads them               |
| `MOSSHUB_IDLE_TIMEOUT`    | seconds without use after which the hub stops the server; 0: never   |
| `MOSSHUB_KERNEL_IDLE_TIMEOUT` | seconds without use after which a kernel ends; 0: never          |
| `MOSSHUB_KEEP_AT_MOST`    | seconds for which a user may keep an idle server running; 0: not     |
| `MOSSHUB_DISK_LIMIT`      | bytes that the user's files may take; 0: no limit of the platform's  |
| `MOSSHUB_WAITING_KERNEL`  | `yes`: a kernel waits for the next notebook that is opened           |
| `MOSSHUB_WITHOUT`         | what this start leaves out: `packages`, `settings` (`hub.starts`)    |
| `MOSSHUB_APP`             | the app that the server runs; empty in a user's editor               |
| `MOSSHUB_TEAM`            | directory with the parts of the team's folder; empty: there is none  |
| `MOSSHUB_TEAM_PARTS`      | its parts, as `mosshub_contract.team_folder` reads them              |
| `MOSSHUB_TEAM_LIMIT`      | bytes that the team's folder may take; 0: no limit of the platform's |
| `MOSSHUB_SHARED_DATA`     | directory that everybody reads as `~/data`; empty if there is none   |
| `MARIMO_RESTRICT_SHARING` | `true`: marimo offers no way to publish a notebook outside           |
| `MOSSHUB_INSTANCE`        | the platform that a process belongs to; `hub.processes` finds it     |

The broker account is in no environment. The server asks the hub for it with its own token, at
`mosshub_contract.broker_account.API_PATH`, writes it to a file, and names that file to kernels:

| variable                  | meaning                                                              |
|---------------------------|----------------------------------------------------------------------|
| `MOSSHUB_BROKER_ACCOUNT`  | file with the user's broker account, readable by that user only      |
"""

from typing import Any

from mosshub_contract.apps import VARIABLE as APP_VARIABLE
from mosshub_contract.apps import slug_of_server
from mosshub_contract.team_links import format_team_links
from mosshub_contract.topics import PREFIX_VARIABLE

from hub.idle import app_report_interval_s, report_interval_s
from hub.processes import INSTANCE_VARIABLE
from hub.settings import ROOT, Settings
from hub.signin.names import topic_prefix
from hub.team_folder.parts import variables as team_folder_variables

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
        PREFIX_VARIABLE: lambda spawner: topic_prefix(spawner.user.name),
        "MOSSHUB_NOTEBOOKS": str(ROOT / "notebooks"),
        "MOSSHUB_TEAM_NAME": settings.team_name,
        "MOSSHUB_TEAM_COLOUR": settings.team_colour or "",
        "MOSSHUB_TEAM_LOGO": "yes" if settings.team_logo else "",
        "MOSSHUB_HELP_URL": settings.help_url,
        "MOSSHUB_ANNOUNCEMENT": settings.announcement,
        "MOSSHUB_TEAM_LINKS": format_team_links(settings.team_links),
        APP_VARIABLE: lambda spawner: slug_of_server(spawner.name),
        "MOSSHUB_IDLE_TIMEOUT": str(settings.idle_timeout_s),
        "MOSSHUB_KERNEL_IDLE_TIMEOUT": str(settings.kernel_idle_timeout_s),
        "MOSSHUB_KEEP_AT_MOST": str(settings.keep_at_most),
        "MOSSHUB_DISK_LIMIT": str(int(settings.disk_limit or 0)),
        "MOSSHUB_WAITING_KERNEL": "yes" if settings.waiting_kernel else "",
        "JUPYTERHUB_ACTIVITY_INTERVAL": lambda spawner: str(
            (app_report_interval_s if slug_of_server(spawner.name) else report_interval_s)(settings)
        ),
        "MARIMO_RESTRICT_SHARING": "" if settings.external_sharing else "true",
        INSTANCE_VARIABLE: str(settings.data_dir),
        **team_folder_variables(settings),
    }
