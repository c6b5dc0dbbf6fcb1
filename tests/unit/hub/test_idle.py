"""The service that stops idle servers; real servers are in tests/local/platform/test_idle.py."""

import subprocess
import sys

from tests.support.paths import ROOT

TOKEN = "c996309cd20e4b6a9ac0e8c28fe7cf3a"
#: The hub cannot be asked, and the call that failed is logged with its arguments.
PROGRAM = f"""
from functools import partial
from tornado.ioloop import IOLoop
from hub.idle import log_without_secrets

log_without_secrets()
def cull_idle(url, api_token):
    raise OSError("Temporary failure in name resolution")

loop = IOLoop(make_current=False)
loop.add_callback(partial(cull_idle, url="http://hub:8081", api_token="{TOKEN}"))
loop.add_timeout(loop.time() + 0.2, loop.stop)
loop.start()
"""


def test_a_call_that_failed_is_logged_without_the_token() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert "cull_idle" in done.stderr and "Temporary failure in name resolution" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
