"""Tells the edge which host names may have a certificate."""

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from hub.origins.addresses import HubAddress, Place
from hub.origins.hosts import is_known_label

#: Path below the hub's.
PATH = "/api/mosshub/known-host"


class KnownHostHandler(BaseHandler):
    """Answers 200 for the host name of a known user and 404 for every other, and nothing else.

    Caddy asks before it gets a certificate, from inside: browsers cannot ask.
    """

    def get(self) -> None:
        address = HubAddress(self.subdomain_host)
        name = self.get_query_argument("domain", "").lower()
        label, _, domain = name.partition(".")
        inside = address.place(self.request.host_name) is Place.OUTSIDE
        if not (inside and domain == address.host and is_known_label(label, self.db)):
            raise web.HTTPError(404)
        self.finish()
