"""Draw the small pictures of the home page from the exported notebooks: `make notebooks`.

A picture is a chart that the notebook drew when it was exported, without axes, legends and words,
on a transparent background. A notebook without a chart gets none; the page then shows a plain
drawing. The pictures stand in `notebooks/.pictures/`, where the home page finds them.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PICTURES = HERE.parent.parent / "notebooks" / ".pictures"
#: Which of a notebook's charts to draw, counted from 0.
CHART = {"image_class": 2, "train": 2, "stream": 0}
SIZE = (480, 240)  # pixels; the page shows them half as large
MAX_BYTES = 6144
_WORDS = ("axis", "legend", "header", "title")


def charts(notebook: Path) -> list[dict[str, Any]]:
    """Return the Vega-Lite specifications in a notebook's outputs, in their order."""
    found = []
    for cell in json.loads(notebook.read_text())["cells"]:
        for output in cell.get("outputs", []):
            for kind, spec in output.get("data", {}).items():
                if kind.startswith("application/vnd.vegalite"):
                    text = "".join(spec) if isinstance(spec, list) else spec
                    found.append(json.loads(text) if isinstance(text, str) else text)
    return found


def without_words(spec: Any) -> Any:
    """Return a specification without text: no axes, legends, titles and text marks."""
    if isinstance(spec, list):
        return [without_words(part) for part in spec if not _is_text(part)]
    if not isinstance(spec, dict):
        return spec
    plain = {name: without_words(part) for name, part in spec.items() if name not in _WORDS}
    if "field" in plain or "value" in plain or "datum" in plain:  # an encoding's channel
        plain |= dict.fromkeys(_WORDS) | {"header": {"labelExpr": "''", "title": None}}
    return plain


def _is_text(part: Any) -> bool:
    mark = part.get("mark") if isinstance(part, dict) else None
    return "text" in (mark, mark.get("type") if isinstance(mark, dict) else None)


def draw(spec: dict[str, Any]) -> bytes:
    """Return a chart as a small picture (WebP)."""
    import vl_convert
    from PIL import Image

    plain = without_words(spec) | {"width": 480}
    plain["config"] = {
        "view": {"stroke": None},
        "axis": {"grid": False},
        "background": None,
    }
    plain["padding"] = 4
    image = Image.open(io.BytesIO(vl_convert.vegalite_to_png(plain, scale=2))).convert("RGBA")
    image = image.crop(image.getbbox()).resize(SIZE, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "WEBP", quality=60, method=6)
    if out.tell() > MAX_BYTES:
        raise ValueError(f"the picture has {out.tell()} bytes; at most {MAX_BYTES} may be")
    return out.getvalue()


def main() -> None:
    """Draw all pictures."""
    PICTURES.mkdir(exist_ok=True)
    for name, number in CHART.items():
        picture = draw(charts(HERE / f"{name}.ipynb")[number])
        (PICTURES / f"{name}.webp").write_bytes(picture)


if __name__ == "__main__":
    main()
