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


def note(event: str) -> None:
    """Write what happened and when, for the test: one line, in one piece."""
    line = f"{time.monotonic()} {event} {os.environ['JUPYTERHUB_USER']}\n".encode()
    journal = os.open(os.environ["LIGHT_SERVER_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(journal, line)
    os.close(journal)


print("a line of the log of", os.environ["JUPYTERHUB_USER"], flush=True)
note("starts")
time.sleep(float(os.environ.get("LIGHT_SERVER_START_SECONDS", "0")))
url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
server = ThreadingHTTPServer((url.hostname or "", url.port or 0), Handler)
note("listens")
server.serve_forever()
