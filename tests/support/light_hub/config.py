"""The platform's own configuration with light servers; see the package's docstring."""

import os
import sys
from pathlib import Path

from hub.proxy import proxy_command
from hub.settings import ROOT, load_settings
from hub.spawners.local import LaptopSpawner
from hub.spawners.sizes import SizeMixin, start_form

c = get_config()  # noqa: F821  traitlets defines it
load_subconfig(str(ROOT / "jupyterhub_config.py"))  # noqa: F821

settings = load_settings()
c.Spawner.cmd = [sys.executable, "-I", "-S", str(Path(__file__).parent / "server.py")]
c.Spawner.env_keep = ["PATH", "LIGHT_SERVER_START_SECONDS", "LIGHT_SERVER_JOURNAL"]
if settings.sizes and settings.servers == "processes":

    class SizedSpawner(SizeMixin, LaptopSpawner):
        """Knows sizes, as the spawners of containers do."""

    c.JupyterHub.spawner_class = SizedSpawner
    c.SizedSpawner.sizes = settings.sizes
    c.SizedSpawner.options_form = start_form("", settings.sizes)
if command := os.environ.get("LIGHT_COMMAND"):
    c.Spawner.cmd = [command]
if timeout := os.environ.get("LIGHT_SPAWN_TIMEOUT"):
    c.Spawner.start_timeout = c.Spawner.http_timeout = int(timeout)
c.Spawner.poll_interval = 1
c.ConfigurableHTTPProxy.command = proxy_command(settings)
if metrics_port := os.environ.get("LIGHT_PROXY_METRICS_PORT"):
    c.ConfigurableHTTPProxy.command += [
        *("--metrics-ip", "127.0.0.1"),
        *("--metrics-port", metrics_port),
    ]

if settings.servers == "containers":
    c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port}"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
    c.JupyterHub.hub_connect_url = f"http://127.0.0.1:{settings.hub_port}"
    c.ConfigurableHTTPProxy.should_start = True
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.pid_file = str(settings.data_dir / "hub" / "proxy.pid")
    if os.environ.get("LIGHT_SPAWNER", "yes") == "yes":
        c.JupyterHub.spawner_class = LaptopSpawner
        c.DockerSpawner.post_stop_hook = None
    c.LaptopSpawner.users_dir = str(settings.data_dir / "users")
    c.LaptopSpawner.logs_dir = str(settings.data_dir / "logs" / "servers")
