"""A wrong setting is refused with its name, its value and what is expected."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mosshub_contract.team_links import parse_team_links
from traitlets.config import Config

from hub import settings as module
from hub.servers import server_environment
from hub.settings import Settings, SettingsError, load_settings
from hub.spawners import docker


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for field in Settings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_without_any_setting_the_platform_has_its_defaults() -> None:
    settings = load_settings()
    assert settings.port == 8000
    assert settings.data_dir == module.ROOT / "data"
    assert settings.embedded_broker
    assert settings.bootstrap_servers == "127.0.0.1:9092"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "eighty", "PORT=eighty: expected port of the platform"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("KAFKA_PORT", "-1", "greater than or equal to 1"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker", "'broker' is not of the form host:port"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:1,b:x", "'b:x' is not of the form host:port"),
        ("TEAM_LINKS", "Wiki", "'Wiki' is not of the form Title=https://address"),
        ("TEAM_LINKS", "Wiki=javascript:alert(1)", "is not of the form Title=https://address"),
        ("TEAM_NAME", "x" * 41, "name of the platform, as its pages show it"),
        ("TEAM_COLOUR", "green", "# and six hexadecimal digits, for example #2f7d46"),
        ("TEAM_LOGO", "/nowhere/logo.svg", "/nowhere/logo.svg cannot be read: No such file"),
        ("TEAM_LOGO", "README.md", "its name must end in .svg or .png"),
        ("HELP_URL", "javascript:alert(1)", "an https:// or mailto: address"),
        ("ANNOUNCEMENT", "x" * 501, "one or two sentences for everybody"),
        ("MAINTENANCE", "x" * 301, "while there is one no server starts"),
        ("IDLE_TIMEOUT", "2 hours", "such as 30m, or off"),
        ("IDLE_TIMEOUT", "5s", "off, or 10 seconds and more"),
        ("DATABASE_URL", "mysql://u@host/hub", "DATABASE_URL=…: expected postgresql://user@host"),
        ("DATABASE_URL", "postgresql://u:secret@host/hub", "without the password, which belongs"),
        ("TEAM_GROUPS", "lab,everybody", "no group called everybody"),
        ("TEAM_GROUPS", ",".join(f"g{n}" for n in range(33)), "32 groups at most"),
        ("SHARED_DATA", "/srv/a.b", "an absolute path of letters, digits, _ and - only"),
        ("SHARED_DATA", "sets", "an absolute path"),
        ("SIZES", "Small=2", "'Small=2' is not of the form Name=processors/memory"),
        ("SIZES", "Small=0/4G", "'Small=0/4G' is not of the form"),
        ("SIZES", "A=1/2G, A=2/4G", "each name once"),
        ("SIZES", "Large=4/8G@lab", "the first is the default"),
        ("SIZES", "Small=2/4G, GPU=8/32G/gpu", "SIZES names a size with a GPU: set GPUS"),
        ("GPUS", "-1", "greater than or equal to 0"),
        ("SERVERS", "swarm", "processes, containers of one host, or pods"),
        ("HOME_SIZE", "lots", "a number and K, M, G or T"),
        ("TEAM_SIZE", "20Gi", "a number and K, M, G or T"),
        ("HOME_STORAGE_CLASS", "a b", "storage class of users' homes"),
        ("MEMORY_RESERVED", "2", "from 0 to 1"),
        ("CPU_RESERVED", "0", "from 0 to 1"),
        ("STARTS_AT_ONCE", "0", "number of servers that may start at the same time"),
        ("GPU_RESOURCE", "gpu", "name of the cluster's resource"),
        ("PRIORITY_CLASS", "high", "PRIORITY_CLASS: only a platform on Kubernetes (SERVERS=pods)"),
        ("IMAGE_PULL_SECRETS", "a", "has this setting; remove it"),
        ("MEMORY_LIMIT", "lots", "a number and K, M, G or T, for example 2G"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as refused:
        load_settings()
    assert expected in str(refused.value)


@pytest.mark.parametrize("domain", ["10.0.0.1", "192.168.1.20"])
def test_an_ip_address_has_no_names_below_it(monkeypatch: pytest.MonkeyPatch, domain: str) -> None:
    monkeypatch.setenv("DOMAIN", domain)
    with pytest.raises(SettingsError, match=f"DOMAIN={domain}: .* or SUBDOMAINS=no"):
        load_settings()
    monkeypatch.setenv("SUBDOMAINS", "no")
    assert not load_settings().subdomains


def test_users_have_origins_of_their_own_unless_a_setting_says_no(monkeypatch) -> None:
    assert load_settings().subdomains
    load_settings.cache_clear()
    monkeypatch.setenv("SUBDOMAINS", "maybe")
    with pytest.raises(SettingsError, match="SUBDOMAINS=maybe: expected yes: each user's pages"):
        load_settings()


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("KAFKA_PORT", "y")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert len(str(refused.value).splitlines()) == 2


def test_a_misspelt_setting_in_the_file_is_found(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KAFKA_PROT=9093\n")
    with pytest.raises(SettingsError, match=r"KAFKA_PROT.*did you mean KAFKA_PORT"):
        load_settings()


def test_the_environment_wins_over_the_file(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8001\nADMIN_USERS=Grace, ada\n")
    monkeypatch.setenv("PORT", "8002")
    settings = load_settings()
    assert settings.port == 8002
    assert settings.admin_users == {"grace", "ada"}


TEAM = {
    "SERVERS": "containers",
    "OAUTH_PROVIDER": "github",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "very-secret",
    "ALLOWED_USERS": "ada",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "PROXY_TOKEN": "very-secret",
    "COOKIE_SECRET": "0" * 64,
    "CRYPT_KEY": "1" * 64,
}


def test_a_cluster_starts_more_servers_at_once_than_a_host(monkeypatch) -> None:
    assert Settings(**{name.lower(): value for name, value in TEAM.items()}).start_places == 4
    for name, value in (TEAM | {"SERVERS": "pods"}).items():
        monkeypatch.setenv(name, value)
    assert Settings().start_places == 40
    monkeypatch.setenv("STARTS_AT_ONCE", "7")
    assert Settings().start_places == 7


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"OAUTH_PROVIDER": ""}, "OAUTH_PROVIDER is not set: the identity provider"),
        ({"OAUTH_CLIENT_SECRET": ""}, "OAUTH_CLIENT_SECRET is not set"),
        ({"OAUTH_PROVIDER": "keycloak"}, "OAUTH_URL is not set"),
        ({"OAUTH_PROVIDER": "azuread"}, "OAUTH_TENANT is not set"),
        ({"OAUTH_PROVIDER": "myspace"}, "OAUTH_PROVIDER=myspace: expected the identity provider"),
        (
            {"COOKIE_SECRET": "very-secret"},
            "COOKIE_SECRET=…: expected the key that signs the hub's cookies",
        ),
        ({"ALLOWED_USERS": ""}, "nobody could sign in"),
        ({"DOMAIN": "https://x.org"}, "DOMAIN=https://x.org: expected public DNS name"),
    ],
)
def test_a_team_needs_a_provider_and_somebody_who_may_sign_in(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], expected: str
) -> None:
    for name, value in (TEAM | change).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert expected in str(refused.value)
    assert "very-secret" not in str(refused.value)


def test_a_team_with_all_of_it_is_accepted_and_has_no_admin_by_name(monkeypatch) -> None:
    for name, value in TEAM.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.admins == frozenset()
    assert "very-secret" not in repr(settings)


def test_what_the_team_says_reaches_every_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNOUNCEMENT", "Lunch at noon.")
    monkeypatch.setenv("TEAM_LINKS", "Wiki=https://wiki.example.org/?a=b,c , Chat = http://c")
    links = (("Wiki", "https://wiki.example.org/?a=b,c"), ("Chat", "http://c"))
    assert load_settings().team_links == links
    env = server_environment(load_settings())
    assert env["MOSSHUB_ANNOUNCEMENT"] == "Lunch at noon."
    assert parse_team_links(env["MOSSHUB_TEAM_LINKS"]) == links
    assert env["MARIMO_RESTRICT_SHARING"] == "true"
    load_settings.cache_clear()
    monkeypatch.setenv("EXTERNAL_SHARING", "yes")
    assert not server_environment(load_settings())["MARIMO_RESTRICT_SHARING"]
    load_settings.cache_clear()
    monkeypatch.delenv("TEAM_LINKS")
    assert load_settings().team_links == ()
    assert parse_team_links(server_environment(load_settings())["MOSSHUB_TEAM_LINKS"]) == ()


@pytest.mark.parametrize(
    ("text", "seconds"), [("off", 0), ("90s", 90), ("1.5h", 5400), ("2d", 172_800), ("600", 600)]
)
def test_a_time_has_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv("IDLE_TIMEOUT", text)
    assert load_settings().idle_timeout_s == seconds


def test_a_laptop_stops_no_server_by_itself() -> None:
    assert load_settings().idle_timeout_s == 0


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", ""),
        ("logo.png", b"\x89PNG\r\n\x1a\n...", ""),
        ("logo.svg", b"\x89PNG\r\n\x1a\n...", "it holds something else than its name says"),
        ("logo.png", b"<svg/>", "it holds something else than its name says"),
        ("logo.svg", b"<svg>" + b" " * 256 * 1024, "it has 256 KiB"),
    ],
)
def test_a_logo_is_a_small_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes, wrong: str
) -> None:
    logo = tmp_path / name
    logo.write_bytes(content)
    monkeypatch.setenv("TEAM_LOGO", str(logo))
    if not wrong:
        assert load_settings().team_logo == logo
        return
    with pytest.raises(SettingsError, match=wrong):
        load_settings()


def test_quotas_reach_the_broker_by_kafkas_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PRODUCE_QUOTA", "1M")
    monkeypatch.setenv("KAFKA_CONSUME_QUOTA", "2M")
    monkeypatch.setenv("KAFKA_REQUEST_QUOTA", "50")
    monkeypatch.setenv("KAFKA_TOPIC_QUOTA", "3")
    assert load_settings().quotas == {
        "producer_byte_rate": 2**20,
        "consumer_byte_rate": 2**21,
        "request_percentage": 50,
        "controller_mutation_rate": 3,
    }


def test_groups_and_services_of_the_broker_are_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_GROUPS", "Vision , audio")
    monkeypatch.setenv("KAFKA_SERVICES", "Judge,watcher")
    assert load_settings().kafka_groups == {"Vision", "audio"}
    assert load_settings().kafka_services == {"judge", "watcher"}


def test_what_a_server_may_keep_and_start_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEP_AT_MOST", "off")
    monkeypatch.setenv("WAITING_KERNEL", "no")
    monkeypatch.setenv("START_EARLY", "no")
    env = server_environment(load_settings())
    assert (float(env["MOSSHUB_KEEP_AT_MOST"]), env["MOSSHUB_WAITING_KERNEL"]) == (0, "")
    assert not load_settings().start_early


def test_limits_reach_every_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESS_LIMIT", "100")
    monkeypatch.setenv("MEMORY_LIMIT", "3G")
    monkeypatch.setenv("CPU_LIMIT", "1.5")
    monkeypatch.setenv("APP_MEMORY_LIMIT", "1G")
    monkeypatch.setenv("APP_CPU_LIMIT", "0.5")
    monkeypatch.setenv("TEAM_FOLDER", "no")
    c = Config()
    docker.configure(c, load_settings())
    editor = SimpleNamespace(
        name="", volume_binds={}, user=SimpleNamespace(orm_user=SimpleNamespace(groups=[]))
    )
    limits = c.DockerSpawner.extra_host_config(editor)
    assert (limits["pids_limit"], limits["memswap_limit"]) == (100, "3G")
    assert limits["binds"] == []
    assert (c.DockerSpawner.mem_limit, c.DockerSpawner.cpu_limit) == ("3G", 1.5)
    app = c.ContainerSpawner.app_traits
    assert (app["mem_limit"], app["cpu_limit"]) == ("1G", 0.5)
    assert (app["extra_host_config"]["memswap_limit"], app["volumes"]) == ("1G", {})


def test_an_app_is_stopped_after_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_IDLE_TIMEOUT", "5m")
    assert load_settings().app_idle_timeout == 300
