"""The notebook that `make bench` opens: one output, and no package beside marimo."""

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    mo.md("# The first output")
    return


if __name__ == "__main__":
    app.run()
