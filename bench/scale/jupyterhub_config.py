"""The platform's own configuration, for a hub that is a process beside the cluster."""

import os

from hub.proxy import proxy_command
from hub.settings import ROOT, load_settings

c = get_config()
settings = load_settings()
load_subconfig(str(ROOT / "jupyterhub_config.py"))

# Pods reach the hub by this machine's address for the cluster, browsers by the proxy.
c.JupyterHub.proxy_class = "configurable-http-proxy"  # one, which the hub starts
c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port}"
c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = os.environ["BENCH_HUB_URL"]
c.ConfigurableHTTPProxy.should_start = True
c.ConfigurableHTTPProxy.command = proxy_command(settings)
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
c.ConfigurableHTTPProxy.pid_file = str(settings.data_dir / "hub" / "proxy.pid")
c.PodSpawner.namespace = os.environ["POD_NAMESPACE"]
