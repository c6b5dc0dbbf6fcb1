"""The whole platform on one page: the story of a sign-in, from the login to the limits."""

import sys

from hub import (
    admin,
    apps,
    copies,
    idle,
    metrics,
    origins,
    pages,
    proxy_replicas,
    reports,
    spawners,
    starts,
    team_folder,
)
from hub.accounts import authenticator_with_accounts
from hub.app import require_mosshub
from hub.broker import broker_command
from hub.database import database_url
from hub.logs import LOGGING
from hub.proxy import proxy_command
from hub.servers import ENV_KEEP, server_environment
from hub.settings import load_settings
from hub.signin import oauth
from hub.signin.blocked import BlockedUsers, with_blocked
from hub.signin.names import forbid_rename
from hub.signin.shared_password import LaptopAuthenticator, load_passwords
from hub.signin.taken_hosts import refuse_taken_hosts
from hub.spawners.local import LaptopSpawner
from hub.spawners.start_queue import StartQueue

hub = require_mosshub()
c = get_config()
settings = load_settings()
state = settings.data_dir / "hub"
state.mkdir(parents=True, exist_ok=True)
team = settings.servers != "processes"  # containers of one host, or pods of a cluster
if settings.servers == "pods":
    from hub.leader import lead  # the cluster's client is large

    hub.at_end = lead().resign  # a cluster may start a second hub before the first has ended
c.JupyterHub.logging_config = LOGGING  # without codes, tokens and cookies

c.JupyterHub.extra_handlers = []
# Addresses: browsers use one port; the others connect the platform's own parts.
if team:
    c.JupyterHub.bind_url = "http://:8000"
    c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
    c.JupyterHub.hub_connect_url = "http://hub:8081"
    # The proxy is a service of its own, so a restart of the hub ends no connection.
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
    c.ConfigurableHTTPProxy.auth_token = settings.proxy_token.get_secret_value()
    if settings.servers == "pods":
        proxy_replicas.configure(c)
else:
    c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.port}"
    c.JupyterHub.hub_ip = "127.0.0.1"
    c.JupyterHub.hub_port = settings.hub_port
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.command = proxy_command(settings)
    c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# Origins: a user's pages have a host of their own, so that they cannot act as whoever opens them.
origins.configure(c, settings)

# State: what outlives a restart.
c.JupyterHub.db_url = database_url(settings)  # SQLite, unless DATABASE_URL names a Postgres
c.JupyterHub.upgrade_db = True  # after JupyterHub has made a copy of it
if team:
    c.JupyterHub.cookie_secret = bytes.fromhex(settings.cookie_secret.get_secret_value())
    c.CryptKeeper.keys = [bytes.fromhex(settings.crypt_key.get_secret_value())]
    c.JupyterHub.cleanup_servers = False  # users' servers run on while the hub restarts
else:
    c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
    c.JupyterHub.cleanup_servers = True  # Ctrl-C ends everything on a laptop

# Login: with the team's identity provider, or on a laptop with any name and a shared password.
c.Authenticator.admin_users = set(settings.admins)
forbid_rename()
refuse_taken_hosts()
if team:
    authenticator = oauth.authenticator_class(settings)
    oauth.configure(c, settings)
else:
    passwords = load_passwords(state / "passwords.json")
    authenticator = LaptopAuthenticator
    c.LaptopAuthenticator.user_password = passwords.people
    c.LaptopAuthenticator.admin_password = passwords.admins
    c.Authenticator.allow_all = True
# Users also get an account on the broker, from their first start until they are removed.
authenticator = authenticator_with_accounts(authenticator, settings)
# An admin may block a user, who then stays known and gets nothing.
blocked = BlockedUsers(state / "blocked.json")
authenticator = with_blocked(authenticator, blocked)
# What a user publishes runs in servers of its own, which belong to the user.
c.JupyterHub.authenticator_class = apps.configure(c, settings, authenticator, blocked)

# Server: marimo behind the hub's sign-in, in the user's own container, pod or directory.
c.Spawner.environment = server_environment(settings)
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
if team:
    spawners.configure(c, settings)
else:
    c.JupyterHub.spawner_class = LaptopSpawner
    c.LaptopSpawner.users_dir = str(settings.data_dir / "users")
    c.LaptopSpawner.logs_dir = str(settings.data_dir / "logs" / "servers")
    # -P: nothing in a user's home can become part of the program.
    c.Spawner.cmd = [sys.executable, "-P", "-s", "-m", "marimo_singleuser"]
    c.Spawner.env_keep = ENV_KEEP

# Broker: one Apache Kafka for all users; on a laptop an embedded one, unless the settings name
# another.
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
if settings.embedded_broker:
    c.JupyterHub.services.append(
        {
            "name": "kafka",
            "command": [*broker_command(settings), "--keep-running"],
            "environment": {"MOSSHUB_INSTANCE": str(settings.data_dir)},
            "display": False,  # it has no page
        }
    )

# Proxy: after its restart it asks the hub for all routes, which is all that it may do.
if team:
    token = settings.proxy_token.get_secret_value()
    c.JupyterHub.services.append({"name": "proxy", "api_token": token, "display": False})
    c.JupyterHub.load_roles.append({"name": "proxy", "scopes": ["proxy"], "services": ["proxy"]})

# Idle: a server that nobody uses is stopped; a running cell or agent is use, an open page is not.
idle.configure(c, settings)
# What each server says of itself, for the admins' page.
reports.configure(c)
# Who saved what in the team's folder, and what is open where.
team_folder.configure(c, settings)
# Copies of notebooks that users give each other.
copies.configure(c, settings)
# What Prometheus may read, if somebody watches the platform.
metrics.configure(c, settings)

# Pages: admins land in the panel, all other users in their editor.
c.JupyterHub.default_url = lambda handler: (
    "/hub/admin" if handler.current_user and handler.current_user.admin else ""
)
pages.configure(c, settings)
# Whoever broke their own packages or settings can start without them.
starts.configure(c)
# Beside the panel: who is here, what their editors use, messages.
admin.configure(c, settings, blocked, apps.app_counter(settings))

# Limits: what a host or a cluster carries. Some servers start at a time. The next start waits for
# its turn, where JupyterHub's own limits, here off, would refuse it.
queue = StartQueue(
    settings.start_places, settings.active_server_limit, settings.maintenance, settings.gpus
)
c.Spawner.pre_spawn_hook = queue.wait_for_turn
# The spawners read the options themselves; without this JupyterHub warns of each in the log.
c.Spawner.apply_user_options = lambda spawner, options: None
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.active_server_limit = 0
