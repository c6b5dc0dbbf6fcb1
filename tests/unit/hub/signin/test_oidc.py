"""Which address an endpoint of a provider gets; real providers: tests/local and tests/docker."""

import pytest

from hub.signin.oidc import endpoints_for

PUBLIC = "https://id.example.org/realms/moss"
INTERNAL = "http://keycloak:8080/auth/realms/moss"


def found(browsers: str, hub: str) -> dict[str, str]:
    return {
        "issuer": PUBLIC,
        "authorization_endpoint": f"{browsers}/authorize",
        "end_session_endpoint": f"{browsers}/leave",
        "token_endpoint": f"{hub}/token",
        "userinfo_endpoint": f"{hub}/me",
    }


RIGHT = found(PUBLIC, INTERNAL)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(found(INTERNAL, INTERNAL), id="by the address at which it is asked"),
        pytest.param(found(PUBLIC, PUBLIC), id="by the public address"),
        pytest.param(found(PUBLIC, INTERNAL), id="already right"),
    ],
)
def test_browsers_and_hub_get_their_own_address(document: dict[str, str]) -> None:
    assert endpoints_for(document, PUBLIC, INTERNAL) == RIGHT


def test_endpoints_beside_the_issuer_move_with_their_host() -> None:
    moved = endpoints_for(
        found("http://keycloak:8080/x", "https://id.example.org/x"), PUBLIC, INTERNAL
    )
    assert moved["authorization_endpoint"] == "https://id.example.org/x/authorize"
    assert moved["token_endpoint"] == "http://keycloak:8080/x/token"


def test_a_host_that_only_begins_alike_is_another() -> None:
    other = found("http://keycloak:80801/auth", "https://id.example.org.evil/x")
    assert endpoints_for(other, PUBLIC, INTERNAL) == other


def test_without_an_internal_address_nothing_moves() -> None:
    document = found(PUBLIC, "https://elsewhere.example")
    assert endpoints_for(document, PUBLIC, "") == document
