"""Export the notebooks with their outputs, as HTML and for Jupyter: `make notebooks`.

All notebooks run with small numbers, in a temporary directory, with one embedded Apache Kafka. The
results stand beside this file. `manifest.json` has the hash of each source, so that a test finds
stale exports. A notebook that ran with errors is not written. `export.py NAME …` exports some only.
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
#: The dashboard and topics come last: they show what the others sent.
ORDER = ("image_class", "train", "stream", "upload", "live_dashboard", "topics")

_PICTURE_WIDTH = 600  # pixels, of a chart's plot
_INTRODUCTION = """\
> This is `notebooks/{name}.py` of Mosshub, run with small numbers and exported by `make notebooks`.
> In Mosshub it has buttons and sliders. In Jupyter or on Colab everything runs from top to bottom;
> change a setting by the `value=` of its slider in the code. If `KAFKA_BOOTSTRAP_SERVERS` names no
> broker, the notebook starts an Apache Kafka of its own.
>
> The library is not on PyPI. Install it from the repository that the notebook comes from, with
> Python 3.11 to 3.13:
>
> `%pip install "imageclass[broker,tensorflow] @ git+<address>#subdirectory=shared_lib" marimo`
"""


class ExportError(Exception):
    """A notebook cannot be exported; the text says which and why."""


def source_hash(notebook: Path) -> str:
    """Return the SHA-256 of a notebook's source, in hexadecimal, as the manifest has it."""
    return hashlib.sha256(notebook.read_bytes()).hexdigest()


def errors_in_session(session: dict[str, Any]) -> list[str]:
    """Return the errors in the outputs and on the consoles of a marimo session snapshot."""
    found = []
    for cell in session["cells"]:
        found += [json.dumps(out) for out in cell["outputs"] if out["type"] == "error"]
        found += [
            out["text"]
            for out in cell["console"]
            if out.get("name") == "stderr" and "Traceback" in out.get("text", "")
        ]
    return found


def run(notebook: Path, environment: dict[str, str]) -> None:
    """Run a notebook, and write its outputs beside it as `.html` and `.ipynb`.

    Args:
        notebook: the notebook's file.
        environment: environment variables of its process.

    Raises:
        ExportError: marimo failed, or the notebook ran with errors.
    """
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
            raise ExportError(f"{notebook.name} cannot be exported:\n{done.stdout}{done.stderr}")
    snapshot = notebook.parent / "__marimo__" / "session" / f"{notebook.name}.json"
    session = json.loads(snapshot.read_text())
    if errors := errors_in_session(session):
        raise ExportError(f"{notebook.name} ran with errors:\n" + "\n".join(errors))


def for_jupyter(notebook: Path) -> str:
    """Read the `.ipynb` beside a notebook, and make it fit for Jupyter and GitHub.

    Charts also become images, outputs that need marimo are left out, and an introduction says how
    to run the notebook.

    Returns:
        The new content of the `.ipynb`, JSON.
    """
    content = json.loads(notebook.with_suffix(".ipynb").read_text())
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [out for out in map(_without_marimo, cell["outputs"]) if out]
    introduction = {
        "cell_type": "markdown",
        "id": "introduction",
        "metadata": {},
        "source": _INTRODUCTION.format(name=notebook.stem),
    }
    setup, title, *others = content["cells"]  # marimo has the setup cell first, readers the title
    content["cells"] = [introduction, title, setup, *others]
    content["metadata"]["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _without_marimo(output: dict[str, Any]) -> dict[str, Any] | None:
    """Return an output of a cell as Jupyter can show it, or None if it cannot."""
    if output["output_type"] == "stream":
        return output if output["name"] == "stdout" else None  # TensorFlow greets on stderr
    data = output.get("data", {})
    chart = next((data[kind] for kind in data if kind.startswith("application/vnd.vegalite")), None)
    if chart:
        import vl_convert

        spec = json.loads(chart) if isinstance(chart, str) else chart
        # As wide as the page; a picture has no page.
        width = _PICTURE_WIDTH if spec.get("width") == "container" else spec.get("width")
        image = vl_convert.vegalite_to_png({**spec, "width": width}, scale=1.5)
        data["image/png"] = base64.b64encode(image).decode()
        return output
    text = "".join(str(part) for part in data.values())
    return None if "marimo-" in text or not text.strip() else output


def main(names: Sequence[str] = ORDER) -> None:
    """Export the notebooks with these names.

    Raises:
        ExportError: a notebook cannot be exported.
    """
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
                # After each one: a notebook that fails does not make the others stale.
                MANIFEST.write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:] or ORDER)
    except ExportError as error:
        sys.exit(str(error))
