"""The whole platform on one page: the story of a sign-in, from the login to the limits."""

import sys

from hub.broker import broker_command
from hub.login import LaptopAuthenticator, load_passwords
from hub.proxy import proxy_command
from hub.servers import ENV_KEEP, LaptopSpawner, environment
from hub.settings import ROOT, load_settings

c = get_config()
settings = load_settings()
state = settings.data_dir / "hub"

# Where it listens: people come in at one port; the rest is between the platform's own parts.
c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port}"
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = settings.hub_port
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
c.ConfigurableHTTPProxy.command = proxy_command(settings)
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# What outlives a restart.
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")

# Login: any name with the password for people; the admins' names only with theirs.
passwords = load_passwords(state / "passwords.json")
c.JupyterHub.authenticator_class = LaptopAuthenticator
c.LaptopAuthenticator.user_password = passwords.people
c.LaptopAuthenticator.admin_password = passwords.admins
c.Authenticator.admin_users = set(settings.admins)
c.Authenticator.allow_all = True

# Server: a process in front of marimo, for each person in a directory of their own.
c.JupyterHub.spawner_class = LaptopSpawner
c.LaptopSpawner.users_dir = str(settings.data_dir / "users")
c.Spawner.cmd = [sys.executable, "-m", "marimo_singleuser"]
c.Spawner.env_keep = ENV_KEEP
c.Spawner.environment = environment(settings)
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120

# Ctrl-C ends everything on a laptop, people's servers too.
c.JupyterHub.cleanup_servers = True

# Broker: one Apache Kafka for everybody, unless the settings name another.
c.JupyterHub.services = []
if settings.embedded_broker:
    c.JupyterHub.services.append(
        {
            "name": "kafka",
            "command": [*broker_command(settings), "--keep-running"],
            "environment": {"MOSSHUB_INSTANCE": str(settings.data_dir)},
            "display": False,  # no page of its own
        }
    )

# An admin's first page is the panel, everybody else's is their editor.
c.JupyterHub.default_url = lambda handler: (
    "/hub/admin" if handler.current_user and handler.current_user.admin else ""
)
c.JupyterHub.template_paths = [str(ROOT / "hub" / "templates")]
c.JupyterHub.logo_file = str(ROOT / "hub" / "static" / "logo.svg")

# Limits: what one laptop carries.
c.JupyterHub.concurrent_spawn_limit = 4
c.JupyterHub.active_server_limit = 10
