"""The whole platform on one page: the story of a sign-in, from the login to the limits."""

import sys

from hub import accounts
from hub.broker import broker_command
from hub.proxy import proxy_command
from hub.servers import ENV_KEEP, LaptopSpawner, environment
from hub.settings import ROOT, load_settings
from hub.signin import oauth
from hub.signin.names import keep_names
from hub.signin.shared_password import LaptopAuthenticator, load_passwords
from hub.spawners import docker as containers

c = get_config()
settings = load_settings()
state = settings.data_dir / "hub"
state.mkdir(parents=True, exist_ok=True)
team = settings.servers == "containers"

# Where it listens: people come in at one port; the rest is between the platform's own parts.
if team:
    c.JupyterHub.bind_url = "http://:8000"
    c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
    c.JupyterHub.hub_connect_url = "http://hub:8081"
    # The proxy is a service of its own: restarting the hub cuts nobody's connection.
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
    c.ConfigurableHTTPProxy.auth_token = settings.proxy_token.get_secret_value()
else:
    c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port}"
    c.JupyterHub.hub_ip = "127.0.0.1"
    c.JupyterHub.hub_port = settings.hub_port
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.command = proxy_command(settings)
    c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# What outlives a restart.
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.upgrade_db = True  # after a copy of it was laid beside
if team:
    c.JupyterHub.cookie_secret = bytes.fromhex(settings.cookie_secret.get_secret_value())
    c.CryptKeeper.keys = [bytes.fromhex(settings.crypt_key.get_secret_value())]
    c.JupyterHub.cleanup_servers = False  # people's servers live on while the hub restarts
else:
    c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
    c.JupyterHub.cleanup_servers = True  # Ctrl-C ends everything on a laptop

# Login: with the team's own provider, or on a laptop any name with the password for people.
c.Authenticator.admin_users = set(settings.admins)
keep_names()
if team:
    sign_in = oauth.authenticator_class(settings)
    oauth.configure(c, settings)
else:
    passwords = load_passwords(state / "passwords.json")
    sign_in = LaptopAuthenticator
    c.LaptopAuthenticator.user_password = passwords.people
    c.LaptopAuthenticator.admin_password = passwords.admins
    c.Authenticator.allow_all = True
# Who signs in has an account on the broker too, from their first start until they are removed.
c.JupyterHub.authenticator_class = accounts.sign_in(sign_in, settings)

# Server: marimo behind the hub's sign-in, in a container or a directory of each person's own.
c.Spawner.environment = environment(settings)
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
if team:
    containers.configure(c, settings)
else:
    c.JupyterHub.spawner_class = LaptopSpawner
    c.LaptopSpawner.users_dir = str(settings.data_dir / "users")
    # -P: nothing in a person's home can become part of the program
    c.Spawner.cmd = [sys.executable, "-P", "-m", "marimo_singleuser"]
    c.Spawner.env_keep = ENV_KEEP

# Broker: one Apache Kafka for everybody, on a laptop embedded, unless the settings name another.
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
if settings.embedded_broker:
    c.JupyterHub.services.append(
        {
            "name": "kafka",
            "command": [*broker_command(settings), "--keep-running"],
            "environment": {"MOSSHUB_INSTANCE": str(settings.data_dir)},
            "display": False,  # no page of its own
        }
    )

# A proxy that was restarted asks for its routes at once, with the right to do that and no other.
if team:
    token = settings.proxy_token.get_secret_value()
    c.JupyterHub.services.append({"name": "proxy", "api_token": token, "display": False})
    c.JupyterHub.load_roles.append({"name": "proxy", "scopes": ["proxy"], "services": ["proxy"]})

# An admin's first page is the panel, everybody else's is their editor.
c.JupyterHub.default_url = lambda handler: (
    "/hub/admin" if handler.current_user and handler.current_user.admin else ""
)
c.JupyterHub.template_paths = [str(ROOT / "hub" / "pages" / "templates")]
c.JupyterHub.logo_file = str(ROOT / "hub" / "pages" / "static" / "logo.svg")

# Limits: what one host carries; a queue of starts keeps it responsive.
c.JupyterHub.concurrent_spawn_limit = 4
c.JupyterHub.active_server_limit = settings.active_server_limit
