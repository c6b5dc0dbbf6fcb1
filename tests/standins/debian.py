"""`debian:trixie-slim` from Debian's own packages, as the official image is made: debootstrap's
minimal system without manuals, documentation and translations.

Two things of this machine come along, only where it has them: its own certificate authorities (a
company's proxy) with the variables that programs with a bundle of their own look at, and apt's
settings for clock and proxy. Without such authorities the image has no certificates at all, as the
official one.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from .engine import docker

SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
AUTHORITIES = Path("/usr/local/share/ca-certificates")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
APT_SETTINGS = (
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
)

SOURCES = f"""\
Types: deb
URIs: {MIRROR}
Suites: {SUITE} {SUITE}-updates
Components: main
Signed-By: {KEYRING}

Types: deb
URIs: {MIRROR}-security
Suites: {SUITE}-security
Components: main
Signed-By: {KEYRING}
"""
# What the slim image leaves out, now (folders) and of packages that come later (dpkg's filter).
DROPPED = ("man", "locale", "info", "groff", "lintian", "linda")
DPKG_FILTER = "".join(f"path-exclude /usr/share/{name}/*\n" for name in ("doc", *DROPPED)) + (
    "path-include /usr/share/doc/*/copyright\nforce-unsafe-io\n"
)
APT_CONFIG = """\
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Apt::AutoRemove::SuggestsImportant "false";
APT::Keep-Downloaded-Packages "false";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };
"""


def authorities() -> list[Path]:
    """Certificate authorities that this machine's owner added."""
    return sorted(AUTHORITIES.glob("**/*.crt"))


def host_apt_settings() -> str:
    """Settings of this machine's apt that downloads in a container need as well."""
    if not shutil.which("apt-config"):
        return ""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    lines = [li for li in dump.stdout.splitlines() if li.split(" ")[0] in APT_SETTINGS]
    return "".join(f"{line}\n" for line in lines)


def fingerprint() -> str:
    """Hash of this recipe and of what this machine adds to it."""
    digest = hashlib.sha256(Path(__file__).read_bytes() + host_apt_settings().encode())
    for certificate in authorities():
        digest.update(certificate.read_bytes())
    return digest.hexdigest()


def build(scratch: Path, tag: str, labels: dict[str, str]) -> None:
    """Make the image in the empty folder `scratch` and import it under `tag`. Needs root."""
    root = scratch / "root"
    command = ["debootstrap", "--variant=minbase", f"--keyring={KEYRING}", SUITE, str(root), MIRROR]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise RuntimeError(f"debootstrap ended with {done.returncode}:\n{said}")
    configure(root)
    variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    if authorities():
        trust_authorities(root)
        variables |= dict.fromkeys(BUNDLE_VARIABLES, str(BUNDLE))
    slim(root)

    archive = scratch / "root.tar"
    subprocess.run(["tar", "-C", root, "--numeric-owner", "-cf", archive, "."], check=True)
    changes = [f"ENV {name}={value}" for name, value in variables.items()]
    changes += [f"LABEL {name}={value}" for name, value in labels.items()]
    changes += ['CMD ["bash"]']
    docker("import", *(f"--change={c}" for c in changes), archive, tag, timeout=300)


def configure(root: Path) -> None:
    (root / "etc/apt/sources.list").unlink(missing_ok=True)
    (root / "etc/apt/sources.list.d/debian.sources").write_text(SOURCES)
    (root / "etc/apt/apt.conf.d/docker").write_text(APT_CONFIG + host_apt_settings())
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(DPKG_FILTER)
    no_services = root / "usr/sbin/policy-rc.d"
    no_services.write_text("#!/bin/sh\n# no service is started while an image is built\nexit 101\n")
    no_services.chmod(0o755)


def trust_authorities(root: Path) -> None:
    target = root / AUTHORITIES.relative_to("/")
    target.mkdir(parents=True, exist_ok=True)
    for certificate in authorities():
        shutil.copy(certificate, target)
    bundle = root / BUNDLE.relative_to("/")
    bundle.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(BUNDLE, bundle)


def slim(root: Path) -> None:
    share = root / "usr/share"
    for name in DROPPED:
        shutil.rmtree(share / name, ignore_errors=True)
    for section in range(1, 9):  # Java's packages put links there and fail without
        (share / f"man/man{section}").mkdir(parents=True)
    for path in (share / "doc").rglob("*"):
        if not path.is_dir() and path.name != "copyright":
            path.unlink()
    for folder in ("var/cache/apt", "var/lib/apt/lists", "var/log", "tmp"):
        for path in (root / folder).rglob("*"):
            if not path.is_dir():
                path.unlink()
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("")
