"""`python -m hub`: run the hub, with the options of the command `jupyterhub`."""

from hub.app import Mosshub

Mosshub.launch_instance()
