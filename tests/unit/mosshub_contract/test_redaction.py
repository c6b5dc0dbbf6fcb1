"""What a log line loses, and what it keeps."""

import logging
import sys

import pytest
from mosshub_contract.redaction import RedactingFormatter, hide, redact

STATE = "eyJzdGF0ZV9pZCI6ICI3ZjFhIn0="
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"
LINES = [
    # tornado: refusals and uncaught errors
    "403 GET /hub/oauth_callback?code=SECRET&state=SECRET (127.0.0.1): You may not come in",
    "HTTPServerRequest(protocol='http', method='GET', uri='/x?code=SECRET', remote_ip='::1')",
    # JupyterHub: redirects, headers of a failed request, XSRF cookies
    "302 GET /hub/spawn -> /hub/login?next=%2Fhub%2Fx%3Fcode%3DSECRET (@::1) 2.00ms",
    "302 GET /hub/login%3Fcode=SECRET (@::1)",
    '{"Referer": "http://localhost/?code=SECRET", "X-Xsrftoken": "SECRET"}',
    '{"X-Forwarded-Access-Token": "SECRET",\n "Cookie": "mine=SECRET; other=\\"SECRET\\""}',
    "Setting new xsrf cookie for b'SECRET:SECRET' {'path': '/hub/'}",
    "Failed login for 'SECRET'",
    "xsrf id mismatch b'SECRET' != b'SECRET'",
    # oauthenticator
    "OAuth state mismatch: SECRET != SECRET",
    "Failed to b64-decode state: SECRET",
    "oauth state argument 'SECRET' != cookie service-x='SECRET'",
    'Error exchanging 400 POST https://id/token: {"code": "SECRET", "id_token": "SECRET"}',
    "{'code': [b'SECRET'], 'client_secret': 'SECRET'}",
    "body: grant_type=authorization_code&code=SECRETSECRET&client_secret=SECRETSECRET",
    "Access URL: http://127.0.0.1:2718/?access_token=SECRET",
]
KEPT = [
    "200 GET /hub/api/users/ada/server (ada@::1) 12.00ms",
    "Is the Hub accessible at this URL (from host: hub)? Set c.JupyterHub.hub_ip",
    "it ended by itself (exit code 7); state: pending",
    "User ada server stopped, with exit code: 1",
    "What now?",
]


@pytest.mark.parametrize("line", LINES)
def test_secrets_go(line: str) -> None:
    assert "SECRET" not in redact(line)


@pytest.mark.parametrize("line", KEPT)
def test_everything_else_stays(line: str) -> None:
    assert redact(line) == line


def test_the_path_stays() -> None:
    line = "403 GET /hub/oauth_callback?code=SECRET (127.0.0.1): no"
    assert redact(line) == "403 GET /hub/oauth_callback?… (127.0.0.1): no"


@pytest.mark.parametrize("value", [STATE, JWT])
def test_json_in_base64_goes(value: str) -> None:
    assert not set(value.split(".")) & set(redact(f"seen: {value} here").split())


def test_a_traceback_is_redacted_too() -> None:
    try:
        raise ValueError("https://id/token?code=SECRET failed")
    except ValueError:
        record = logging.makeLogRecord({"msg": "uncaught", "exc_info": sys.exc_info()})
    line = RedactingFormatter().format(record)
    assert "Traceback" in line
    assert "SECRET" not in line


def test_values_of_a_request_go_wherever_they_stand() -> None:
    import contextvars

    def handle() -> str:
        hide("4/0AX4XfWh", "")
        return redact("the provider says: 4/0AX4XfWh is no code")

    assert contextvars.copy_context().run(handle) == "the provider says: [hidden] is no code"
    assert redact("4/0AX4XfWh") == "4/0AX4XfWh", "another request's log"
