"""What a person can do from inside their container. Beside each denial: the nearest allowed."""

import re
import uuid

import pytest


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


def test_the_hubs_api_with_ones_own_token_is_ones_own(ada, linus):
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


def test_files_of_others_of_the_hub_and_of_the_engine_are_not_there(ada, linus):
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
