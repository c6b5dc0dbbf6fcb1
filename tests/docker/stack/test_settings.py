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


@pytest.fixture
def named(fresh: Stack) -> Stack:
    """The same with good settings and a domain that no DNS has."""
    fresh.settings.write_text(
        "OAUTH_PROVIDER=github\nOAUTH_CLIENT_ID=x\nALLOWED_USERS=ada\nDOMAIN=moss.invalid\n"
    )
    fresh.secrets.mkdir()
    (fresh.secrets / "oauth_client_secret").write_text("not-a-secret")
    return fresh


def test_up_says_which_record_the_dns_needs(named):
    up = named.script("up")
    assert up.returncode == 1
    assert "No name below moss.invalid has an address" in up.stdout
    assert "*.moss.invalid in the DNS" in up.stdout
    assert "SUBDOMAINS=no" in up.stdout
    assert docker("ps", "--all", "--quiet", "--filter", f"name={named.name}") == ""


@pytest.mark.parametrize("remedy", [{"SUBDOMAINS": "no"}, {"CHECK_DNS": "no"}])
def test_up_goes_on_without_the_record_if_it_is_told_to(named, remedy):
    """It then stops at a certificate that is missing, and starts nothing here."""
    up = named.script("up", TLS="files", **remedy)
    assert up.returncode == 1
    assert "No name below" not in up.stdout
    assert "TLS=files:" in up.stdout and "tls_certificate is missing" in up.stdout
    assert docker("ps", "--all", "--quiet", "--filter", f"name={named.name}") == ""


def test_up_refuses_an_ip_address_as_domain(named):
    up = named.script("up", DOMAIN="192.0.2.7")
    assert up.returncode == 1
    assert "DOMAIN=192.0.2.7: an IP address has no names below it" in up.stdout
    assert "Nothing was started." in up.stdout


@pytest.mark.parametrize(
    "wrong", [{"SUBDOMAINS": "maybe"}, {"TLS": "some"}, {"MONITORING": "perhaps"}]
)
def test_up_refuses_words_that_it_does_not_know(named, wrong):
    up = named.script("up", **wrong)
    assert up.returncode == 1
    assert "expected" in up.stdout and next(iter(wrong)) in up.stdout


def test_every_setting_of_the_hub_is_in_the_example():
    from hub.kubernetes_settings import KUBERNETES_ONLY
    from hub.settings import Settings

    named = set(re.findall(r"(?m)^([A-Z_]+)=", (DOCKER / ".env.example").read_text()))
    given = {"SERVERS", "DATA_DIR", "KAFKA_BOOTSTRAP_SERVERS", "USERS_NETWORK"}  # by compose.yaml
    given.add("KAFKA_ADMIN_SERVER")
    secret = {"OAUTH_CLIENT_SECRET", "PROXY_TOKEN", "COOKIE_SECRET", "CRYPT_KEY", "BROKER_SECRET"}
    secret |= {"DATABASE_PASSWORD", "METRICS_TOKEN", "GRAFANA_SECRET"}
    secret |= {"KAFKA_ADMIN_PASSWORD", "KAFKA_AUTHORITY"}
    laptop = {"KAFKA_PORT", "HUB_PORT", "PROXY_API_PORT", "NODE"}
    own = {f.upper() for f in Settings.model_fields.keys() - KUBERNETES_ONLY}
    assert own - given - secret - laptop <= named
