"""Traefik, the controller of the tests' Ingress and Gateway: its program, built on demand.

Only the tests of those need it, so only they build it, where MOSSHUB_TEST_INGRESS is set. It comes
as its Go module from Go's proxy, with its own lock file. Left out are its clients of DNS providers
(what they need is not on every proxy), its pages, and passwords of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.cluster.programs import Module, kept

MODULE = Module(
    "Traefik",
    "github.com/traefik/traefik/v3",
    "v3.7.13",
    "h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw=",
)
GATEWAY_API = "sigs.k8s.io/gateway-api"
DNS_PROVIDERS = "github.com/go-acme/lego/v5/providers/dns"
#: A folder that is a module of its own is not in the module above it.
EXTENSIONS = {
    "go.mod": "module github.com/traefik/traefik/dynamic/ext\n\ngo 1.26\n",
    "ext.go": "package ext\n\ntype HTTP struct{}\n\ntype Router struct{}\n",
}
#: Instead of a fork that is not on every proxy: nobody has a password.
PASSWORDS = {
    "go.mod": "module github.com/abbot/go-http-auth\n\ngo 1.26\n",
    "auth.go": """\
package auth

import "net/http"

type BasicAuth struct {
	Realm   string
	Secrets func(user, realm string) string
}

type DigestAuth struct{}

func NewDigestAuthenticator(string, func(user, realm string) string) *DigestAuth {
	return &DigestAuth{}
}

func CheckSecret(string, string) bool           { return false }
func DigestAuthParams(string) map[string]string { return nil }

func refuse(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }

func (*BasicAuth) RequireAuth(w http.ResponseWriter, _ *http.Request)       { refuse(w) }
func (*DigestAuth) RequireAuth(w http.ResponseWriter, _ *http.Request)      { refuse(w) }
func (*DigestAuth) RequireAuthStale(w http.ResponseWriter, _ *http.Request) { refuse(w) }
func (*DigestAuth) CheckAuth(*http.Request) (string, *string)               { return "", nil }
""",
}


def is_wanted() -> bool:
    """Return whether tests of an Ingress and a Gateway run."""
    return bool(os.environ.get("MOSSHUB_TEST_INGRESS"))


def ensure(say: Callable[[str], None] = print) -> Path:
    """Return the directory of `traefik` and `crd` (the Gateway API's); build what is not there.

    Raises:
        RuntimeError: Go is missing or cannot build it; with the end of what it said.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return kept("traefik", digest, f"Traefik {MODULE.version}", build, say)


def build(into: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "traefik"
        MODULE.unpack(source)
        leave_out(source)
        modules = (source / "go.mod").read_text()
        MODULE.go(
            modules, ["build", "-ldflags", "-s -w", "-o", f"{into}/", "./cmd/traefik"], source
        )
        api = json.loads(MODULE.go(modules, ["mod", "download", "-json", GATEWAY_API], source))
        shutil.copytree(
            Path(api["Dir"]) / "config/crd/standard", into / "crd", copy_function=shutil.copyfile
        )


def leave_out(source: Path) -> None:
    """Put in what the module does not have, and take out what the tests do not need."""
    (source / "webui/static/index.html").touch()
    for folder, files in (("pkg/config/dynamic/ext", EXTENSIONS), ("passwords", PASSWORDS)):
        (source / folder).mkdir()
        for name, text in files.items():
            (source / folder / name).write_text(text)
    _change(source / "go.mod", r"(github\.com/abbot/go-http-auth =>) .*", r"\1 ./passwords")
    acme = source / "pkg/provider/acme/provider.go"
    _change(acme, rf'\t"{re.escape(DNS_PROVIDERS)}"\n', "")
    _change(acme, r"dns\.NewDNSChallengeProviderByName\(.*\)", 'nil, errors.New("left out")')


def _change(file: Path, what: str, to: str) -> None:
    text, found = re.subn(what, to, file.read_text())
    if found != 1:
        raise RuntimeError(f"Traefik {MODULE.version} has {file.name} in another way than before")
    file.write_text(text)


if __name__ == "__main__":
    print(ensure())
