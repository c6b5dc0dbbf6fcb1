"""What a start of a server may ask for."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from requests import Response

from tests.support.people import words
from tests.support.waiting import wait_until

ASKED = {
    "volumes": {"/": "/host"},
    "read_only_volumes": {"/": "/host"},
    "mounts": [{"type": "bind", "source": "/", "target": "/host"}],
    "privileged": True,
    "cmd": ["sleep", "1"],
    "env": {"A": "b"},
    "environment": {"A": "b"},
    "extra_host_config": {"privileged": True},
    "extra_create_kwargs": {"user": "root"},
    "network_name": "host",
    "mem_limit": "100G",
    "cap_add": ["SYS_ADMIN"],
    "profile": "x",
    "name": "other",
    "__class__": "x",
}


IMAGES = [
    "debian:trixie-slim",
    "mosshub/hub:local",
    "",
    "cpu\n",
    "CPU",
    "../cpu",
    ["cpu"],
    {"a": 1},
    7,
]


@pytest.mark.parametrize("key", ASKED)
def test_a_start_through_the_api_with_more_than_an_image_is_refused(idle, key):
    answer = idle.api("POST", "users/grace/server", json={key: ASKED[key]})
    assert answer.status_code == 400, (answer.status_code, answer.text)
    assert f"A start cannot be given {key}" in answer.json()["message"]
    assert not idle.has_container()


@pytest.mark.parametrize("image", [i for i in IMAGES if i != ""])
def test_a_start_through_the_api_with_another_image_is_refused(idle, image):
    answer = idle.api("POST", "users/grace/server", json={"image": image})
    assert answer.status_code == 400, (answer.status_code, answer.text)
    assert "There is no image" in answer.json()["message"]
    assert "only: cpu" in answer.json()["message"]
    assert not idle.has_container()


def test_a_start_through_the_form_with_more_than_an_image_is_refused(idle):
    def told() -> list[Response]:
        """Return the page that waits for the start once it says how that ended; a 400 is falsy."""
        page = idle.session.get(f"{idle.url}/hub/spawn-pending/grace", timeout=60)
        return [page] if page.status_code == 400 else []

    for form in ({"volumes": "/:/host"}, {"image": "debian"}, {"image": ["cpu", "debian"]}):
        answer = idle.post_form("/hub/spawn/grace", form)
        if answer.ok:  # a slow engine: the browser was led to the page that waits
            (answer,) = wait_until(told, 60, "the refusal")
        assert answer.status_code == 400, (answer.status_code, words(answer.text))
        assert "A start cannot be given" in answer.text or "There is no image" in answer.text
        assert not idle.has_container()


def test_after_a_refusal_an_image_from_the_list_starts(idle):
    """What was refused is not remembered either: the next start without a wish works as well."""
    refused = idle.api("POST", "users/grace/server", json={"volumes": {"/": "/host"}})
    assert refused.status_code == 400
    idle.start(image="cpu")
    idle.stop()
    refused = idle.api("POST", "users/grace/server", json={"image": "debian"})
    assert refused.status_code == 400
    idle.start()


def test_a_start_without_packages_is_one(idle):
    idle.start(without="packages")
    assert idle.inside("printenv", "MOSSHUB_WITHOUT") == "packages"
    idle.stop()
    idle.start()  # once only
    assert idle.attempt("printenv MOSSHUB_WITHOUT").stdout.strip() == ""


def test_the_page_that_waits_is_told_how_far_it_is(idle):
    progress = "users/grace/server/progress"

    def told() -> list[str]:
        """Return what is said until the server is there; nothing before its start began."""
        with idle.api("GET", progress, stream=True) as said:
            lines = [line for line in said.iter_lines(chunk_size=1) if line[:6] == b"data: "]
        return [json.loads(line[6:])["message"] for line in lines]

    with ThreadPoolExecutor(1) as pool:
        pool.submit(idle.api, "POST", "users/grace/server", json={})
        messages = wait_until(told, 30, "the start begins")
    # Each of ours ends so, and none of JupyterHub's. Some may be over between two looks.
    assert any(message.endswith(" …") for message in messages), messages
