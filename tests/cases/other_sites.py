"""Other websites, with a person's cookies."""

import json

import pytest
import requests
from websockets.exceptions import InvalidStatus

ELSEWHERE = {
    "another site": {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another site, silent": {"Sec-Fetch-Site": "cross-site", "Referer": "http://evil.example/"},
    "another port": {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"},
    "no origin": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
}


POSTS = [
    ("/hub/api/users/ada/tokens", {"note": "stolen"}),
    ("/hub/api/users/ada/server", {}),
    ("/hub/api/users/ada/servers/more", {}),
]


@pytest.mark.parametrize("whence", ELSEWHERE)
def test_another_sites_post_to_the_hub_does_nothing(ada, whence):
    before = len(ada.api("GET", "users/ada/tokens").json()["api_tokens"])
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        for path, body in POSTS:
            answer = requests.post(
                ada.url + path,
                data=json.dumps(body),
                headers={
                    **ada.hub_cookies(), "Content-Type": kind, "Sec-Fetch-Mode": "no-cors",
                    **ELSEWHERE[whence],
                },
                timeout=60,
            verify=ada.session.verify,
            )  # fmt: skip
            assert answer.status_code == 403, (path, kind, answer.status_code, answer.text[:300])
    form = requests.post(
        f"{ada.url}/hub/spawn/ada",
        data={"image": "cpu"},
        headers={**ada.hub_cookies(), "Sec-Fetch-Mode": "navigate", **ELSEWHERE[whence]},
        allow_redirects=False,
        timeout=60,
        verify=ada.session.verify,
    )
    assert form.status_code == 403, form.text[:300]
    after = ada.api("GET", "users/ada/tokens")
    assert after.status_code == 200, "the nearest allowed: her own page asks"
    assert len(after.json()["api_tokens"]) == before
    assert ada.api("POST", "users/ada/tokens", json={"note": "own"}).status_code == 201


@pytest.mark.parametrize("whence", ELSEWHERE)
def test_another_sites_post_to_marimo_does_nothing(ada, whence):
    own = ada.post("api/home/running_notebooks", {})
    assert own.status_code == 200, own.text
    for kind in ("application/json", "text/plain"):
        answer = requests.post(
            f"{ada.base}api/home/running_notebooks",
            data="{}",
            headers={
                **ada.cookies(), "Content-Type": kind, "Sec-Fetch-Mode": "no-cors",
                "Marimo-Server-Token": ada.skew_token(), **ELSEWHERE[whence],
            },
            timeout=60,
            verify=ada.session.verify,
        )  # fmt: skip
        assert answer.status_code == 403, answer.text[:300]


@pytest.mark.parametrize("path", ["ws?session_id=s_evil01&file=image_class.py", "terminal/ws"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:1", "null", "https://localhost", None]
)
def test_another_sites_websocket_is_refused(ada, linus, path, origin):
    with pytest.raises(InvalidStatus) as refused:
        headers = {} if origin else {"Sec-Fetch-Site": "cross-site"}
        ada.websocket(path, origin=origin, **headers).close()
    assert refused.value.response.status_code == 403
    # With the own page's origin, but the cookies of another person: not hers.
    with pytest.raises(InvalidStatus) as refused:
        ada.websocket(path, origin=ada.origin, **linus.cookies()).close()
    assert refused.value.response.status_code == 403
    # The nearest that may.
    ada.websocket(path, origin=ada.origin).close()
