"""`make up` with wrong or missing settings."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.engine import docker
from tests.support.paths import DOCKER
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# Refusals


@pytest.fixture
def fresh(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    """A team's platform (not the demo) that was never started."""
    other = Stack(tmp_path)
    other.subnet = other.environment["USERS_SUBNET"] = "172.29.207.0/24"
    other.environment |= {"DEMO": "0", "BUILD": "no"}
    yield other
    if other.settings.exists():
        other.script("compose", "down", "--volumes")


def test_the_first_up_lays_out_the_settings_and_says_what_is_needed(fresh):
    up = fresh.script("up")
    assert up.returncode == 1
    assert "OAUTH_PROVIDER and OAUTH_CLIENT_ID" in up.stdout
    assert fresh.settings.read_text() == (DOCKER / ".env.example").read_text()


def test_up_asks_for_the_client_secret(fresh):
    shutil.copy(DOCKER / ".env.example", fresh.settings)
    up = fresh.script("up")
    assert up.returncode == 1
    assert "oauth_client_secret, then run make up again" in up.stdout


def test_up_refuses_wrong_settings_with_the_hubs_words(fresh):
    fresh.settings.write_text("OAUTH_PROVIDER=gitbub\nOAUTH_CLIENT_ID=x\nALLOWED_USERS=ada\n")
    fresh.secrets.mkdir()
    (fresh.secrets / "oauth_client_secret").write_text("not-a-secret")
    up = fresh.script("up")
    assert up.returncode == 1
    assert "OAUTH_PROVIDER=gitbub: expected the identity provider" in up.stdout
    assert "Nothing was started." in up.stdout
    assert docker("ps", "--all", "--quiet", "--filter", f"name={fresh.name}") == ""


def test_every_setting_of_the_hub_is_in_the_example():
    from hub.settings import Settings

    named = set(re.findall(r"(?m)^([A-Z_]+)=", (DOCKER / ".env.example").read_text()))
    given = {"SERVERS", "DATA_DIR", "KAFKA_BOOTSTRAP_SERVERS", "USERS_NETWORK"}  # by compose.yaml
    given.add("KAFKA_ADMIN_SERVER")
    secret = {"OAUTH_CLIENT_SECRET", "PROXY_TOKEN", "COOKIE_SECRET", "CRYPT_KEY", "BROKER_SECRET"}
    laptop = {"KAFKA_PORT", "HUB_PORT", "PROXY_API_PORT", "NODE"}
    assert {f.upper() for f in Settings.model_fields} - given - secret - laptop <= named
