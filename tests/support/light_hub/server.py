"""A user's server that answers every request with one page. It needs no package."""

import os
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PAGE = f"<marimo-light>{os.environ['JUPYTERHUB_USER']}</marimo-light>".encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *words: object) -> None:
        pass


for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: os._exit(0))
time.sleep(float(os.environ.get("LIGHT_SERVER_START_SECONDS", "0")))
url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
ThreadingHTTPServer((url.hostname or "", url.port or 0), Handler).serve_forever()
