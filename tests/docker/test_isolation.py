"""What a person can do to the others, from inside their container and from any web page: nothing.

Two people's servers run; one of them tries. Beside each denial stands the nearest that is allowed.
"""

import json
import re
import uuid
from urllib.parse import quote, urljoin, urlsplit

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.standins.engine import docker
from tests.support.members import TeamMember
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def two(stack: Stack):
    """Ada and Linus, each with a running server; Ada is the one who tries."""
    people = (TeamMember(stack, "ada"), TeamMember(stack, "linus"))
    for person in people:
        person.start()
    yield people
    for person in people:
        person.stop()


@pytest.fixture
def ada(two) -> TeamMember:
    return two[0]


@pytest.fixture
def linus(two) -> TeamMember:
    return two[1]


# From inside the container

REACH = """
import concurrent.futures, json, socket, sys
def reach(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        return True
    except OSError:
        return False
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print(json.dumps(list(pool.map(reach, sys.argv[1:]))))
"""


def reached(person: TeamMember, addresses: list[str]) -> list[str]:
    """Which of the addresses (host:port) accept a connection from the person's container."""
    answers = json.loads(person.inside("python3", "-c", REACH, *addresses))
    return [a for a, answered in zip(addresses, answers, strict=True) if answered]


PORTS = (80, 2019, 2375, 8000, 8001, 8080, 8081, 9094)


def test_nothing_of_the_others_and_of_the_platform_can_be_reached(stack, ada, linus):
    theirs = linus.address
    closed = [f"{theirs}:{port}" for port in linus.listening() - {8888}]
    assert closed, "marimo listens somewhere in the other container"
    for network in ("edge", "hub", "engine", "broker"):
        for service in ("caddy", "proxy", "hub", "engine", "kafka", "keycloak"):
            networks = stack.inspect(service)["NetworkSettings"]["Networks"]
            if f"{stack.name}_{network}" in networks:
                address = networks[f"{stack.name}_{network}"]["IPAddress"]
                closed += [f"{address}:{port}" for port in PORTS]
    users = stack.address("proxy", f"{stack.name}-users")
    closed += [f"{users}:8001", "proxy-api:8001", "engine:2375", "caddy:2019", "keycloak:8080"]
    closed += ["kafka:9093", "kafka:9094", "broker:9094"]
    closed += ["169.254.169.254:80", "100.100.100.200:80", "168.63.129.16:80"]
    assert reached(ada, closed) == []
    # The nearest that may.
    open_to_them = ["hub:8081", "kafka:9092", f"{theirs}:8888", "proxy:8000"]
    assert reached(ada, open_to_them) == open_to_them


def test_the_hosts_own_ports_are_closed(stack, ada):
    """The engine's gateway address is the host: what it publishes on 127.0.0.1 stays there."""
    network = json.loads(docker("network", "inspect", f"{stack.name}-users"))[0]
    gateway = network["IPAM"]["Config"][0].get("Gateway") or str(
        stack.subnet.rpartition(".")[0] + ".1"
    )
    assert reached(ada, [f"{gateway}:{stack.port}", f"{gateway}:2375"]) == []


def test_files_of_others_of_the_hub_and_of_the_engine_are_not_there(stack, ada, linus):
    secret = f"only-linus-{uuid.uuid4().hex}"
    linus.inside("sh", "-c", f"echo {secret} > ~/notebooks/mine.txt")
    assert linus.inside("cat", "/home/mosshub/notebooks/mine.txt").strip() == secret
    found = ada.inside(
        "sh", "-c",
        f"grep -rlsF -m1 {secret} /home /srv /tmp /var /mnt /media /root /run /opt/mosshub/*.* "
        "2>/dev/null; true",
    )  # fmt: skip
    assert found.strip() == ""
    search = (
        "find / -xdev \\( -name docker.sock -o -name 'jupyterhub.sqlite*' -o -name 'identities.*' "
        "-o -name cookie_secret -o -name crypt_key -o -name proxy_token \\) 2>/dev/null; true"
    )
    assert ada.inside("sh", "-c", search).strip() == ""
    assert (
        ada.inside("sh", "-c", "ls /run/secrets /srv/mosshub/data 2>&1; true").count("No such") == 2
    )
    mounts = json.loads(docker("inspect", "--format", "{{json .Mounts}}", ada.container))
    assert [(m["Type"], m["Name"], m["Destination"]) for m in mounts] == [
        ("volume", f"{stack.name}_home_ada", "/home/mosshub")
    ]


def test_the_process_has_no_right_and_no_way_to_gain_one(ada):
    status = ada.inside("cat", "/proc/self/status")
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{key}:\s+0+$", status, re.MULTILINE), status
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    assert re.search(r"^Uid:\s+1000\s+1000\s+1000\s+1000$", status, re.MULTILINE)
    # The same for the kernel that runs people's code, and not only for what the test starts.
    assert ada.notebook().run(
        "import os as _os; _s = open('/proc/self/status').read();"
        "_a = [x.split()[1] for x in _s.splitlines() if x[:6] in ('CapEff', 'NoNewP')];"
        "print(_os.getuid(), *_a)"
    ).split() == ["1000", "0" * 16, "1"]


@pytest.mark.parametrize(
    "attempt",
    [
        "unshare -r id",
        "mount -t tmpfs none /mnt",
        "mknod /tmp/disk b 8 0",
        "chown root /tmp",
        "su -c id",
        "chroot / id",
        "cp /bin/sh /tmp/sh && chmod u+s /tmp/sh && chown root /tmp/sh",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo x > /proc/sysrq-trigger",
        "touch /opt/mosshub/x",
        "touch /opt/mosshub/venv/lib/python3.13/site-packages/x.py",
        "touch /srv/mosshub/notebooks/x.py",
        "touch /etc/x",
        "touch /usr/local/bin/x",
        "cat /etc/shadow",
        "cat /proc/1/environ",
        "ls /proc/1/root/",
        "cat /dev/mem",
    ],
)
def test_what_only_root_may_do_fails(ada, attempt):
    done = ada.attempt(attempt)
    assert done.returncode != 0, done.stdout


def test_what_everybody_may_do_works(ada):
    """The nearest allowed to the list above."""
    for allowed in ("touch ~/x && rm ~/x", "touch /tmp/x", "cat /proc/self/environ", "ls /proc/1"):
        assert ada.attempt(allowed).returncode == 0, allowed


def test_the_hubs_token_is_in_no_process_that_notebook_code_can_read(ada):
    look = (
        "import pathlib as _path\n"
        "_read = 0\n"
        "for _p in _path.Path('/proc').glob('[0-9]*/environ'):\n"
        "    try: _found = b'JUPYTERHUB_API_TOKEN' in _p.read_bytes()\n"
        "    except OSError: continue\n"
        "    _read += 1\n"
        "    if _found: print(_p)\n"
        "print(_read > 0)\n"
    )
    # Some can be read: the kernel's own and marimo's, which have none.
    assert ada.notebook().run(look).strip() == "True"


# What has to work from there


def test_the_hubs_api_with_ones_own_token_is_ones_own(stack, ada, linus):
    token = ada.api("POST", "users/ada/tokens", json={"note": "test", "expires_in": 600})
    assert token.status_code == 201, token.text
    asking = (
        "import sys, urllib.request, urllib.error\n"
        "for path in sys.argv[2:]:\n"
        "    r = urllib.request.Request('http://hub:8081/hub/api/' + path,"
        " headers={'Authorization': 'token ' + sys.argv[1]})\n"
        "    try: print(urllib.request.urlopen(r, timeout=20).status)\n"
        "    except urllib.error.HTTPError as e: print(e.code)\n"
    )
    paths = ["user", "users/ada", "users", "users/linus", "users/linus/tokens", "proxy", "info"]
    answers = ada.inside("python3", "-c", asking, token.json()["token"], *paths).split()
    assert answers[:2] == ["200", "200"]
    assert set(answers[2:]) <= {"403", "404"}, dict(zip(paths, answers, strict=True))


def test_the_broker_the_package_index_and_ones_own_files(ada):
    topic = f"ada.{uuid.uuid4().hex[:8]}"
    stream = (
        "import sys\n"
        "from kafka import KafkaConsumer, KafkaProducer\n"
        "from kafka.admin import KafkaAdminClient\n"
        "from imageclass.account import find_account\n"
        "b = {'bootstrap_servers': 'kafka:9092', **find_account().settings}; t = sys.argv[1]\n"
        "a = KafkaAdminClient(**b)\n"
        "a.create_topics({t: {'num_partitions': 1, 'replication_factor': 1}})\n"
        "p = KafkaProducer(**b); p.send(t, b'hello').get(20); p.close()\n"
        "c = KafkaConsumer(t, **b, auto_offset_reset='earliest',"
        " consumer_timeout_ms=20000)\n"
        "print(next(iter(c)).value.decode()); c.close()\n"
        "a.delete_topics([t]); a.close()\n"
    )
    assert ada.with_account(stream, topic).split() == ["hello"]
    done = ada.attempt("pip download -q --no-deps -d /tmp/wheels six && ls /tmp/wheels")
    assert "six-" in done.stdout, done.stderr
    ada.inside("sh", "-c", "echo mine > ~/notebooks/own.txt && rm ~/notebooks/own.txt")


# Somebody else's server without being let in

ROUTES = [
    "", "?file=image_class.py", "api/status", "api/usage", "api/version", "health", "terminal/ws",
    "ws", "api/home/workspace_files", "api/home/running_notebooks", "api/files/list_files", "mcp",
    "og/thumbnail", "assets/x.js", "@file/1-x", "public/x", "lsp/pylsp", "api/kernel/run",
    "oauth_callback", "..%2f..%2fhub/api/users", "%2e%2e/linus/api/status", "//api/status",
]  # fmt: skip


def test_another_persons_server_answers_nothing_to_who_is_not_let_in(stack, ada, linus):
    own = requests.get(f"{linus.base}api/status", headers=linus.cookies(), timeout=60)
    assert own.status_code == 200, own.text
    for path in ROUTES:
        for method in ("GET", "POST"):
            for cookies in ({}, ada.cookies()):
                answer = requests.request(
                    method, linus.base + path, headers=cookies, allow_redirects=False, timeout=60
                )
                what = (method, path, bool(cookies), answer.status_code, answer.text[:300])
                assert answer.status_code in (302, 400, 403, 404, 405), what
                assert "marimo-" not in answer.text, what
                if answer.status_code == 302:
                    # The end of a sign-in that none of theirs began leads to where it begins.
                    begins = linus.base if path == "oauth_callback" else None
                    target = urljoin(linus.base, answer.headers["Location"])
                    assert target == begins or "/hub/api/oauth2/authorize" in target, what


def test_another_persons_port_answers_nothing_from_the_inside(ada, linus):
    """Straight to the container, with no proxy between."""
    asking = (
        "import json, sys, http.client\n"
        "out = []\n"
        "for path in json.loads(sys.argv[2]):\n"
        "    c = http.client.HTTPConnection(sys.argv[1], 8888, timeout=20)\n"
        "    c.request('GET', path); r = c.getresponse(); out.append(r.status); c.close()\n"
        "print(json.dumps(out))\n"
    )
    paths = ["/", "/health", *(f"/user/linus/{p}".replace("//", "/") for p in ROUTES)]
    found = json.loads(ada.inside("python3", "-c", asking, linus.address, json.dumps(paths)))
    bad = {p: s for p, s in zip(paths, found, strict=True) if s not in (302, 400, 403, 404)}
    assert bad == {}


# What a start may ask for

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


@pytest.fixture
def idle(stack):
    """Grace, whose server is not running."""
    grace = TeamMember(stack, "grace")
    yield grace
    grace.stop()


def nothing_made(stack: Stack, name: str) -> bool:
    containers = ("ps", "--all", "--quiet", "--filter", f"name=^{stack.name}_{name}--")
    return docker(*containers) == ""


@pytest.mark.parametrize("key", ASKED)
def test_a_start_through_the_api_with_more_than_an_image_is_refused(stack, idle, key):
    answer = idle.api("POST", "users/grace/server", json={key: ASKED[key]})
    assert answer.status_code == 400, (answer.status_code, answer.text)
    assert f"A start cannot be given {key}" in answer.json()["message"]
    assert nothing_made(stack, "grace")


@pytest.mark.parametrize("image", [i for i in IMAGES if i != ""])
def test_a_start_through_the_api_with_another_image_is_refused(stack, idle, image):
    answer = idle.api("POST", "users/grace/server", json={"image": image})
    assert answer.status_code == 400, (answer.status_code, answer.text)
    assert "There is no image" in answer.json()["message"]
    assert "only: cpu" in answer.json()["message"]
    assert nothing_made(stack, "grace")


def test_a_start_through_the_form_with_more_than_an_image_is_refused(stack, idle):
    for form in ({"volumes": "/:/host"}, {"image": "debian"}, {"image": ["cpu", "debian"]}):
        answer = idle.post_form("/hub/spawn/grace", form)
        assert answer.status_code == 400, answer.text
        assert "A start cannot be given" in answer.text or "There is no image" in answer.text
        assert nothing_made(stack, "grace")


def test_after_a_refusal_an_image_from_the_list_starts(stack, idle):
    """What was refused is not remembered either: the next start without a wish works as well."""
    refused = idle.api("POST", "users/grace/server", json={"volumes": {"/": "/host"}})
    assert refused.status_code == 400
    idle.start(image="cpu")
    host = json.loads(docker("inspect", "--format", "{{json .HostConfig}}", idle.container))
    assert not host["Privileged"] and host["CapDrop"] == ["ALL"] and host["PidsLimit"] == 1024
    idle.stop()
    refused = idle.api("POST", "users/grace/server", json={"image": "debian"})
    assert refused.status_code == 400
    idle.start()


def test_a_link_that_starts_a_server_gives_it_nothing(stack, idle):
    for query in ("opt-volumes=/:/host", "volumes=/:/host", "opt-image=debian", "opt-privileged=1"):
        idle.session.get(f"{stack.url}/hub/spawn/grace?{query}", timeout=120)
    if not nothing_made(stack, "grace"):
        found = json.loads(docker("inspect", idle.container))[0]
        assert [m["Destination"] for m in found["Mounts"]] == ["/home/mosshub"]
        assert found["Config"]["Image"] == "mosshub/user:cpu"
        assert not found["HostConfig"]["Privileged"]


# Ways out of the site

EVIL = "evil.example"
FORMS = [
    f"https://{EVIL}", f"http://{EVIL}/", f"//{EVIL}", f"///{EVIL}", f"////{EVIL}/x",
    f"\\\\{EVIL}", f"/\\{EVIL}", f"\\/{EVIL}", f"/\\/{EVIL}", f"https:{EVIL}", f"https:/{EVIL}",
    f"https:\\\\{EVIL}", f"HTTPS://{EVIL}", f" https://{EVIL}", f"\thttps://{EVIL}",
    f"\nhttps://{EVIL}", f"ht\ntps://{EVIL}", f"/\t/{EVIL}", f"/\n/{EVIL}", f"/%09/{EVIL}",
    f"/%2f{EVIL}", f"%2f%2f{EVIL}", f"/hub/..//{EVIL}", f"/hub//{EVIL}/..", f"//{EVIL}/hub/home",
    f"https://localhost@{EVIL}/", f"//localhost:80@{EVIL}/", f"https://localhost.{EVIL}/",
    f"javascript:location='https://{EVIL}'", f"data:text/html,<a href=//{EVIL}>", f"//{EVIL}%2f..",
    f"/.//{EVIL}", f"\u2028//{EVIL}", f"/\u3000/{EVIL}",
]  # fmt: skip


def browsers_reading(location: str, base: str) -> str:
    """The host that a browser goes to (WHATWG: tabs and line ends vanish, \\ counts as /)."""
    cleaned = re.sub(r"[\t\r\n]", "", location).strip("".join(map(chr, range(33))))
    cleaned = cleaned.replace("\\", "/")
    # Any number of slashes begins a host where the scheme is the page's own.
    if re.match(r"(?i)https?:", cleaned):
        cleaned = re.sub(r"(?i)^(https?):/*", r"\1://", cleaned)
    elif cleaned.startswith("//"):
        cleaned = "//" + cleaned.lstrip("/")
    return urlsplit(urljoin(base, cleaned)).netloc.rpartition("@")[2]


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize(
    "door", ["login", "logout", "oauth_login", "spawn", "spawn/ada", "home", ""]
)
def test_next_leads_nowhere_else(stack, ada, door, signed_in):
    home = urlsplit(stack.url).netloc
    for form in FORMS:
        jar = requests.Session()
        jar.headers["Sec-Fetch-Mode"] = "navigate"
        if signed_in and door != "logout":
            jar.cookies.update(ada.session.cookies)
        address = f"{stack.url}/hub/{door}?next={quote(form, safe='')}"
        for _ in range(8):
            answer = jar.get(address, allow_redirects=False, timeout=60)
            assert EVIL not in urlsplit(answer.url).netloc
            for location in re.findall(r"(?i)http-equiv=.refresh.[^>]*url=([^\"'>]+)", answer.text):
                assert browsers_reading(location, address) == home, (form, location)
            if not answer.is_redirect:
                break
            location = answer.headers["Location"]
            assert browsers_reading(location, address) == home, (form, location)
            assert urlsplit(urljoin(address, location)).scheme in ("http", "https")
            address = urljoin(address, location)
            if "/auth/realms/" in address:  # the provider; where it comes back to, is fixed
                break


def test_next_after_signing_in_leads_home(stack):
    """The whole way: the form, the provider, and back; a page of the platform is kept."""
    home = urlsplit(stack.url).netloc
    for form in [*FORMS[:12], FORMS[21], FORMS[25]]:
        member = TeamMember(stack, "linus", next=form)
        assert browsers_reading(member.landed, stack.url) == home, (form, member.landed)
        assert EVIL not in urlsplit(urljoin(stack.url, member.landed)).netloc
    assert TeamMember(stack, "linus", next="/hub/token").landed.endswith("/hub/token")


@pytest.mark.parametrize(
    "path", [f"/{EVIL}", f"//{EVIL}", f"/\\{EVIL}", f"/%5c{EVIL}", f"/%2f{EVIL}", f"/..//{EVIL}"]
)
def test_user_redirect_leads_nowhere_else(stack, ada, path):
    home = urlsplit(stack.url).netloc
    prepared = requests.Request(
        "GET", stack.url, headers={**ada.hub_cookies(), "Sec-Fetch-Mode": "navigate"}
    ).prepare()
    prepared.url = f"{stack.url}/hub/user-redirect{path}"
    answer = requests.Session().send(prepared, allow_redirects=False, timeout=60)
    if answer.is_redirect:
        assert browsers_reading(answer.headers["Location"], stack.url) == home


# Other websites, with a victim's cookies

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
def test_another_sites_post_to_the_hub_does_nothing(stack, ada, whence):
    before = len(ada.api("GET", "users/ada/tokens").json()["api_tokens"])
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        for path, body in POSTS:
            answer = requests.post(
                stack.url + path,
                data=json.dumps(body),
                headers={
                    **ada.hub_cookies(), "Content-Type": kind, "Sec-Fetch-Mode": "no-cors",
                    **ELSEWHERE[whence],
                },
                timeout=60,
            )  # fmt: skip
            assert answer.status_code == 403, (path, kind, answer.status_code, answer.text[:300])
    form = requests.post(
        f"{stack.url}/hub/spawn/ada",
        data={"image": "cpu"},
        headers={**ada.hub_cookies(), "Sec-Fetch-Mode": "navigate", **ELSEWHERE[whence]},
        allow_redirects=False,
        timeout=60,
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
        connect(
            ada.base.replace("http://", "ws://") + path,
            origin=ada.stack.url,  # type: ignore[arg-type]
            additional_headers=linus.cookies(),
            open_timeout=60,
        ).close()
    assert refused.value.response.status_code == 403
    # The nearest that may.
    ada.websocket(path, origin=ada.stack.url).close()
