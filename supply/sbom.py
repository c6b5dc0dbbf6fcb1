"""`make sbom`: what each image is made of, as CycloneDX 1.5, in the folder `sbom`.

The packages of Python and Node come from the locks. Those of Debian come from the image itself,
where this machine has it; else a sentence says that they are missing.
"""

import base64
import hashlib
import json
import re
import sys
from typing import Any
from urllib.parse import quote

from packaging.markers import Marker

from supply.tools import ROOT, run, uv

OUT = ROOT / "sbom"
#: Each image: what uv exports for it, and the locks of npm that are in it.
IMAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mosshub/hub:local": (("--package", "mosshub", "--extra", "kubernetes"), ("hub/node",)),
    "mosshub/backup:local": (("--package", "mosshub", "--extra", "kubernetes"), ("hub/node",)),
    "mosshub/user:cpu": (
        ("--package", "marimo-singleuser", "--package", "imageclass", "--extra", "tensorflow"),
        (),
    ),
    "mosshub/user:gpu": (
        ("--package", "marimo-singleuser", "--package", "imageclass", "--extra", "tensorflow-gpu"),
        (),
    ),
}
#: What the images' Python says to the markers of uv.lock, in place of this machine's.
PYTHON = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.5",
    "python_version": "3.13",
    "sys_platform": "linux",
}
Component = dict[str, Any]


def python_components(selection: tuple[str, ...]) -> list[Component]:
    """Return the locked packages of Python that an image has.

    Args:
        selection: options of `uv export` that choose them.

    Raises:
        SystemExit: uv does not export them.
    """
    done = run(
        *(uv(), "export", "--quiet", "--frozen", "--no-dev", *selection),
        *("--preview-features", "sbom-export", "--format", "cyclonedx1.5"),
    )
    if done.returncode:
        raise SystemExit(f"sbom: uv cannot export uv.lock: {done.stderr.strip()}")
    return [part for part in json.loads(done.stdout)["components"] if is_installed(part)]


def is_installed(component: Component) -> bool:
    """Return whether an image installs a package of the lock, which has those of all systems."""
    told = {one["name"]: one["value"] for one in component.get("properties", ())}
    return Marker(told.get("uv:package:marker", "os_name == 'posix'")).evaluate(dict(PYTHON))


def npm_components(lock: dict[str, Any]) -> list[Component]:
    """Return the packages of a package-lock.json.

    Args:
        lock: its content.
    """
    found = {}
    for place, package in lock["packages"].items():
        if not place or package.get("dev"):
            continue
        name, version = place.rpartition("node_modules/")[2], package["version"]
        purl = f"pkg:npm/{quote(name)}@{quote(version)}"
        component = {"type": "library", "name": name, "version": version, "purl": purl}
        component["bom-ref"] = purl
        if license_id := package.get("license"):
            component["licenses"] = [{"license": {"name": license_id}}]
        if integrity := package.get("integrity", ""):
            kind, _, digest = integrity.partition("-")
            content = base64.b64decode(digest).hex()
            component["hashes"] = [{"alg": f"SHA-{kind.removeprefix('sha')}", "content": content}]
        found[purl] = component
    return [found[purl] for purl in sorted(found)]


def debian_components(listing: str) -> list[Component]:
    """Return the packages of Debian that an image has.

    Args:
        listing: a line for each: name, version, architecture and source, with tabs between. Debian
            tells weaknesses by the source.
    """
    components = []
    for line in sorted(listing.splitlines()):
        name, version, architecture, source = line.split("\t")
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro=debian-13"
        purl += f"&upstream={quote(source)}" if source != name else ""
        components.append(
            {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}
        )
    return components


def document(image: str, components: list[Component]) -> dict[str, Any]:
    """Return the list of an image's parts. The same parts make the same document.

    Args:
        image: its name.
        components: its parts.
    """
    parts = sorted(components, key=lambda part: str(part["bom-ref"]))
    digest = hashlib.sha256(json.dumps([image, parts], sort_keys=True).encode()).hexdigest()
    serial = "-".join(re.findall(r"(.{8})(.{4})(.{4})(.{4})(.{12})", digest)[0])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image, "bom-ref": image}},
        "components": parts,
    }


def locked_components(image: str) -> list[Component]:
    """Return what an image has of the locks, of Python and Node."""
    selection, locks = IMAGES[image]
    components = python_components(selection)
    for folder in locks:
        lock = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))
        components += npm_components(lock)
    return components


def debian_packages(image: str) -> list[Component]:
    """Return what an image has of Debian; nothing if this machine does not have the image."""
    listing = run(
        *("docker", "run", "--rm", "--network", "none", "--entrypoint", "dpkg-query", image),
        *("--show", "--showformat"),
        r"${Package}\t${Version}\t${Architecture}\t${source:Package}\n",
    )
    return [] if listing.returncode else debian_components(listing.stdout)


def main() -> int:
    """Write a list for each image; return the exit status."""
    OUT.mkdir(exist_ok=True)
    for image in IMAGES:
        debian = debian_packages(image)
        components = locked_components(image) + debian
        missing = "; without Debian's packages: this machine does not have the image"
        without = "" if debian else missing
        path = OUT / f"{re.sub('[/:]', '-', image)}.cdx.json"
        path.write_text(json.dumps(document(image, components), indent=1) + "\n", "utf-8")
        print(f"{path.relative_to(ROOT)}: {len(components)} parts{without}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
