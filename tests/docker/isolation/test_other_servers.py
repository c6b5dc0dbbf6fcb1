"""Another person's server answers nothing to those who are not let in."""

import json

import pytest

from tests.cases.other_servers import *  # noqa: F403
from tests.cases.other_servers import ROUTES

pytestmark = pytest.mark.timeout(1200)


def test_another_persons_port_answers_nothing_from_the_inside(ada, linus):
    """Straight to the container, with no proxy between."""
    asking = (
        "import json, sys, http.client\n"
        "out = []\n"
        "for path in json.loads(sys.argv[2]):\n"
        "    c = http.client.HTTPConnection(sys.argv[1], 8888, timeout=20)\n"
        "    c.request('GET', path); r = c.getresponse(); out.append(r.status); c.close()\n"
        "print(json.dumps(out))\n"
    )
    paths = ["/", "/health", *(f"/user/linus/{p}".replace("//", "/") for p in ROUTES)]
    found = json.loads(ada.inside("python3", "-c", asking, linus.address, json.dumps(paths)))
    bad = {p: s for p, s in zip(paths, found, strict=True) if s not in (302, 400, 403, 404)}
    assert bad == {}
