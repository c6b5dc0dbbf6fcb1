"""Every status code gets a sentence; in a running server: tests/local/singleuser."""

import logging
import re

from marimo_singleuser.proxy.error_pages import ErrorPages
from tornado import httputil, web
from tornado.testing import AsyncHTTPTestCase

CODES = [400, 401, 403, 404, 405, 409, 413, 429, 500, 501, 502, 503, 504, 507]


class Fails(ErrorPages):
    def get(self, code: str) -> None:
        raise web.HTTPError(int(code))


class TestErrorPages(AsyncHTTPTestCase):
    def get_app(self) -> web.Application:
        logging.getLogger("marimo_singleuser").disabled = True
        self.addCleanup(setattr, logging.getLogger("marimo_singleuser"), "disabled", False)
        return web.Application(
            [(r"/(\d+)", Fails)], log_function=lambda handler: None, hub_url="/hub/"
        )

    def test_each_is_a_sentence_that_says_what_to_do(self) -> None:
        for code in CODES:
            answer = self.fetch(f"/{code}", headers={"Accept": "text/html"})
            assert answer.code == code
            page = answer.body.decode()
            said = re.findall("<p>(.*?)</p>", page)[0]
            assert said.rstrip(".") != httputil.responses[code], said
            assert re.search("[Tt]ry again|tries again|[Oo]pen your editor", said), said
            assert ('http-equiv="refresh"' in page) == (code in (502, 503, 504))
