"""The two hubs of the bench: JupyterHub as it comes, or Mosshub's (BENCH_HUB), with containers.

Both run on this machine itself, with any name and password. A user's name says whose
server it is.
"""

import os

from dockerspawner import DockerSpawner

from bench.spawners import MosshubSpawner
from bench.subjects import subject_of
from hub.proxy import proxy_command
from hub.settings import ROOT, load_settings
from hub.spawners import docker

c = get_config()
settings = load_settings()
mosshub = os.environ["BENCH_HUB"] == "mosshub"
if mosshub:
    load_subconfig(str(ROOT / "jupyterhub_config.py"))
    docker.configure(c, settings)
    c.JupyterHub.spawner_class = MosshubSpawner
    c.Spawner.pop("cmd")  # the image's
    c.Spawner.env_keep = []
    c.Spawner.environment.pop("MOSSHUB_NOTEBOOKS")  # the image's
else:
    c.JupyterHub.spawner_class = DockerSpawner
    c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port}"
    c.JupyterHub.db_url = f"sqlite:///{settings.data_dir}/jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = str(settings.data_dir / "cookie_secret")
    c.ConfigurableHTTPProxy.command = proxy_command(settings)
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.pid_file = str(settings.data_dir / "proxy.pid")
    c.DockerSpawner.remove = True
    c.DockerSpawner.name_template = f"{settings.instance}_{{username}}"
    c.JupyterHub.services, c.JupyterHub.load_roles = [], []
    c.Spawner.start_timeout = c.Spawner.http_timeout = 120

# Containers reach the hub, and the hub them, over Docker's own bridge.
c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = os.environ["BENCH_HUB_URL"]
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.network_name = "bridge"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services.append({"name": "bench", "api_token": os.environ["BENCH_TOKEN"]})
c.JupyterHub.load_roles.append(
    {
        "name": "bench",
        "scopes": ["admin:users", "admin:servers", "read:hub"],
        "services": ["bench"],
    }
)
queue = c.Spawner.pre_spawn_hook if mosshub else None


async def prepare(spawner):
    """Give a server its image and its volume, then its turn."""
    subject = subject_of(spawner.user.name)
    spawner.image = subject.image
    spawner.volumes = subject.mounts(f"{settings.instance}_{spawner.user.name}")
    if subject.list_path:
        spawner.default_url = f"/{subject.list_path}"
    if queue:
        await queue(spawner)


c.Spawner.pre_spawn_hook = prepare
