"""People's servers: where they run and what is passed to them.

What passes between the hub and a server is environment variables, and only these
(beside JupyterHub's own JUPYTERHUB_*):

| variable                  | meaning                                                              |
|---------------------------|----------------------------------------------------------------------|
| `HOME`                    | the person's own directory                                           |
| `KAFKA_BOOTSTRAP_SERVERS` | the broker, `host:port[,host:port]`                                  |
| `MOSSHUB_TOPIC_PREFIX`    | prefix of the person's own topics and groups, e.g. `ada.`            |
| `MOSSHUB_NOTEBOOKS`       | directory of the notebooks that are laid into `~/notebooks`          |
| `MOSSHUB_INSTANCE`        | the platform a process belongs to, so that no orphan is overlooked   |

One more is set by the server for its kernels. The account itself is in no environment: the server
asks the hub for it, with its own token.

| variable                  | meaning                                                              |
|---------------------------|----------------------------------------------------------------------|
| `MOSSHUB_BROKER_ACCOUNT`  | file with the person's account on the broker, for them alone to read |
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode, default

from hub.processes import die_with_parent
from hub.settings import ROOT, Settings
from hub.signin.names import safe_name, topic_prefix

# Passed on from the machine to a laptop's servers: language, certificates, proxies, pip's settings.
# Nothing else of the hub's environment reaches a server.
KEPT = [
    "PATH LANG LANGUAGE LC_ALL LC_CTYPE TZ TMPDIR",
    "SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS PIP_CERT",
    "HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy",
    "PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE UV_INDEX_URL UV_DEFAULT_INDEX",
]
ENV_KEEP = " ".join(KEPT).split()


def environment(settings: Settings) -> dict:
    """Return what every server gets, as JupyterHub's `Spawner.environment`."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "MOSSHUB_TOPIC_PREFIX": lambda spawner: topic_prefix(spawner.user.name),
        "MOSSHUB_NOTEBOOKS": str(ROOT / "notebooks"),
        "MOSSHUB_INSTANCE": str(settings.data_dir),
    }


class LaptopSpawner(SimpleLocalProcessSpawner):
    """A server as a process of the laptop's owner, in a directory of its person's own.

    Keeps files apart, not people: whoever runs code on the laptop is its owner. Servers of people
    who must be protected from each other run in containers.
    """

    broker_note = ""  # what the page says of a broker that is away
    users_dir = Unicode(config=True, help="Directory that holds a directory for each person.")

    @default("home_dir")
    def _default_home_dir(self) -> str:
        return str(Path(self.users_dir) / safe_name(self.user.name))

    async def progress(self) -> AsyncGenerator[dict, None]:
        """Yield what the page that waits shows."""
        yield {"progress": 50, "message": "Starting your editor …"}
        shown = ""
        while True:  # until the start is over
            if self.broker_note != shown:
                shown = self.broker_note
                yield {"message": shown}
            await asyncio.sleep(0.2)

    def make_preexec_fn(self, name):
        """Let the server end with the hub, however the hub ends."""
        enter_home = super().make_preexec_fn(name)

        def preexec():
            die_with_parent()
            enter_home()

        return preexec
