"""A person whose name is percent-encoded in addresses works like everybody else."""

import secrets

import pytest

from tests.support.keycloak import KeycloakAdmin
from tests.support.members import TeamMember

pytestmark = pytest.mark.timeout(1200)

NAME = "ünï+x@example.org"  # Keycloak takes no stranger one
OWN_TOPICS = """
import imageclass
topics = imageclass.list_topics(imageclass.connect())["topic"].to_list()
print(os.environ["MOSSHUB_TOPIC_PREFIX"] + "requests" in topics)
"""


@pytest.fixture
def uni(stack):
    """A person with that name, signed in."""
    admin, password = KeycloakAdmin(stack), secrets.token_hex(16)
    admin.add_to_team(NAME, password)
    member = TeamMember(stack, NAME, password=password)
    yield member
    member.stop()
    admin.remove(NAME)


def test_a_name_with_percent_codes_gets_an_editor_and_the_broker(uni):
    uni.start()
    assert "%" in uni.base
    said = uni.notebook().run("import os; print(os.environ['JUPYTERHUB_USER'])")
    assert said.strip() == NAME
    said = uni.notebook().run(OWN_TOPICS)
    assert said.strip().endswith("True"), said
    page = uni.session.get(f"{uni.url}/user/{NAME}/?file=image_class.py", timeout=60)
    assert page.ok and page.url == f"{uni.base}?file=image_class.py"
