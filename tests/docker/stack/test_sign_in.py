"""Sign-in through Keycloak."""

import pytest

from tests.support.keycloak import sign_in

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


# Who may come in


@pytest.mark.parametrize(("name", "admin"), [("ada", False), ("linus", False), ("grace", True)])
def test_people_of_the_team_sign_in_through_keycloak(stack, name, admin):
    session, answer = sign_in(stack, name, stack.secret(name))
    assert answer.status_code == 302, answer.text
    assert session.get(f"{stack.url}/hub/home", timeout=60).status_code == 200
    panel = session.get(f"{stack.url}/hub/admin", timeout=60)
    assert panel.status_code == (200 if admin else 403)


def test_strangers_and_wrong_passwords_do_not(stack):
    session, answer = sign_in(stack, "mallory", stack.secret("mallory"))
    assert answer.status_code == 403, answer.text
    assert "/hub/login" in session.get(f"{stack.url}/hub/home", timeout=60).url
    _, answer = sign_in(stack, "ada", "not-hers")
    assert answer.status_code == 200
    assert "/auth/realms/mosshub" in answer.url
