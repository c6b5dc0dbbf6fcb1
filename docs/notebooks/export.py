"""The notebooks with their outputs, as HTML and for Jupyter: `make notebooks`.

Each is run with small numbers against an Apache Kafka of its own, in a directory of its own, and
written beside this file; `manifest.json` says from which source, so that a test can tell when
they are stale. A notebook with an error in its session is not written. `export.py NAME …` writes
some only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedded_kafka import EmbeddedBroker

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent.parent / "notebooks"
MANIFEST = HERE / "manifest.json"
#: Those that make what others show come first.
ORDER = ("image_class", "train", "stream", "upload", "live_dashboard", "topics")

_ELSEWHERE = """\
> This is `notebooks/{name}.py` of Mosshub, run with small numbers and exported by `make notebooks`.
> In Mosshub it has buttons and sliders; here, on Colab or in any Jupyter, everything runs from top
> to bottom, and settings are the `value=` of the sliders in the code. Without a broker in
> `KAFKA_BOOTSTRAP_SERVERS` it starts an Apache Kafka of its own.
>
> The library is on no index. Install it from this repository, whose address whoever gave you the
> notebook can tell you, with Python 3.11 to 3.13:
>
> `%pip install "imageclass[broker,tensorflow] @ git+<address>#subdirectory=shared_lib" marimo`
"""


class ExportFailed(Exception):
    """A notebook cannot be exported; the text says which and why."""


def source_hash(notebook: Path) -> str:
    """What the manifest says of a notebook: SHA-256 of its source, in hexadecimal."""
    return hashlib.sha256(notebook.read_bytes()).hexdigest()


def errors_in_session(session: dict[str, Any]) -> list[str]:
    """The errors among the outputs and on the consoles of a marimo session snapshot."""
    found = []
    for cell in session["cells"]:
        found += [json.dumps(out) for out in cell["outputs"] if out["type"] == "error"]
        found += [
            out["text"]
            for out in cell["console"]
            if out.get("name") == "stderr" and "Traceback" in out.get("text", "")
        ]
    return found


def run(notebook: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Run `notebook` and write its outputs beside it as `.html` and `.ipynb`; returns its session.
    Raises `ExportFailed`."""
    for kind in (["html"], ["ipynb", "--include-outputs"]):
        target = notebook.with_suffix(f".{kind[0]}")
        command = [sys.executable, "-m", "marimo", "--yes", "--quiet", "export", *kind]
        done = subprocess.run(
            [*command, "--no-sandbox", str(notebook), "--output", str(target), "--force"],
            env=environment,
            cwd=notebook.parent,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode or not target.exists():
            raise ExportFailed(f"{notebook.name} cannot be exported:\n{done.stdout}{done.stderr}")
    snapshot = notebook.parent / "__marimo__" / "session" / f"{notebook.name}.json"
    session = json.loads(snapshot.read_text())
    if errors := errors_in_session(session):
        raise ExportFailed(f"{notebook.name} ran with errors:\n" + "\n".join(errors))
    return session


def for_jupyter(notebook: Path) -> str:
    """The `.ipynb` beside `notebook`, with what Jupyter and GitHub cannot show left out or turned
    into a picture, and a word on how to run it."""
    content = json.loads(notebook.with_suffix(".ipynb").read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [out for out in map(_shown, cell["outputs"]) if out]
    word = {
        "cell_type": "markdown",
        "id": "elsewhere",
        "metadata": {},
        "source": _ELSEWHERE.format(name=notebook.stem),
    }
    content["cells"].insert(0, word)
    content["metadata"]["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _shown(output: dict[str, Any]) -> dict[str, Any] | None:
    if output["output_type"] == "stream":
        return output if output["name"] == "stdout" else None  # TensorFlow greets on stderr
    data = output.get("data", {})
    chart = next((data[kind] for kind in data if kind.startswith("application/vnd.vegalite")), None)
    if chart:
        import vl_convert

        spec = chart if isinstance(chart, str) else json.dumps(chart)
        picture = vl_convert.vegalite_to_png(spec, scale=1.5)
        data["image/png"] = base64.b64encode(picture).decode()
        return output
    text = "".join(str(part) for part in data.values())
    return None if "marimo-" in text or not text.strip() else output


def main(names: Sequence[str] = ORDER) -> None:
    """Export these notebooks."""
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        with EmbeddedBroker(work / "kafka", port=0, show=print) as broker:
            environment = {
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
                "MOSSHUB_TOPIC_PREFIX": "ada.",
                "MOSSHUB_MODELS": str(work / "models"),
                "IMAGECLASS_HEADLESS": "1",
                "TF_CPP_MIN_LOG_LEVEL": "3",
            }
            for name in names:
                print(f"{name} …", flush=True)
                notebook = Path(shutil.copy(NOTEBOOKS / f"{name}.py", work))
                run(notebook, environment)
                (HERE / f"{name}.ipynb").write_text(for_jupyter(notebook))
                (HERE / f"{name}.html").write_text(notebook.with_suffix(".html").read_text())
                manifest[name] = source_hash(NOTEBOOKS / f"{name}.py")
            MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:] or ORDER)
    except ExportFailed as failure:
        sys.exit(str(failure))
