"""Every element of marimo that shows a file of the kernel, for test_catalogue.py."""

import marimo

app = marimo.App()


@app.cell
def _():
    import io
    import struct
    import wave
    import zlib

    import marimo as mo

    def chunk(kind, data):
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + b"\x30\x90\x40" * 2 + b"\0" + b"\x90\x30\x40" * 2)
    png = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "none"))
        file.writeframes(bytes(8000))
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>"
    pdf = (
        b"%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n"
        b"2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n3 0 obj " + page + b" endobj\n"
        b"trailer << /Root 1 0 R >>\n%%EOF"
    )
    script = (
        "<p id=said>before</p>"
        "<script>document.getElementById('said').textContent = 'after'</script>"
    )
    return io, mo, pdf, png, script, sound


@app.cell
def _(mo, png):
    mo.image(png, alt="an image")
    return


@app.cell
def _(mo, png):
    mo.image_compare(png, png)
    return


@app.cell
def _(mo, sound):
    mo.audio(sound.getvalue())
    return


@app.cell
def _(mo, png):
    mo.video(png)  # a browser asks for it, whatever it is
    return


@app.cell
def _(io, mo, pdf):
    mo.pdf(io.BytesIO(pdf))
    return


@app.cell
def _(mo):
    mo.download(b"downloaded", filename="mine.txt", label="Take it")
    return


@app.cell
def _(mo, script):
    html = mo.Html("<i id=html>html</i>")
    mo.vstack([mo.plain_text("plain <b>text</b>"), html, mo.iframe(script)])
    return


@app.cell
def _(mo, script):
    # As the formatters of Bokeh, pyecharts, leafmap and IPython show theirs.
    from marimo._output.builder import h
    from marimo._output.formatters.utils import src_or_src_doc

    mo.Html(h.iframe(**src_or_src_doc(script), width="300", height="60"))
    return


@app.cell
def _():
    import bokeh.resources
    from bokeh.plotting import figure

    # marimo's formatter takes Bokeh's program from its host; the test needs no internet.
    bokeh.resources.CDN = bokeh.resources.INLINE
    plot = figure(width=300, height=200)
    plot.line([1, 2, 3], [4, 6, 5])
    plot
    return


@app.cell
def _(mo):
    import altair as alt
    import polars as pl

    frame = pl.DataFrame({"x": list(range(30)), "y": [i * i for i in range(30)]})
    mo.ui.altair_chart(alt.Chart(frame).mark_point().encode(x="x", y="y"))
    return (frame,)


@app.cell
def _(frame, mo):
    mo.vstack([mo.ui.table(frame), mo.ui.data_editor(frame), mo.ui.data_explorer(frame)])
    return


@app.cell
def _(mo):
    import anywidget
    import traitlets

    class Counter(anywidget.AnyWidget):
        _esm = """
        export default { render({ model, el }) {
          el.innerHTML = `<button id="widget">pressed ${model.get("count")}</button>`;
          el.firstChild.onclick = () => {
            model.set("count", model.get("count") + 1); model.save_changes();
            el.firstChild.textContent = `pressed ${model.get("count")}`;
          };
        } };
        """
        count = traitlets.Int(0).tag(sync=True)

    mo.ui.anywidget(Counter())
    return


@app.cell
def _(mo):
    mo.vstack([mo.mermaid("graph LR; A-->B"), mo.Html('<img id="public" src="public/own.svg">')])
    return
