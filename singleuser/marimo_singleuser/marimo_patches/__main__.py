"""`python -m marimo_singleuser.marimo_patches`: marimo's own program, with the work-arounds."""

from marimo._cli.cli import main

from marimo_singleuser.marimo_patches import (
    dead_kernels,
    deferred_run,
    saved_outputs,
    shown_cells,
)

if __name__ == "__main__":
    dead_kernels.install()
    saved_outputs.install()
    deferred_run.install()
    shown_cells.install()
    main(prog_name="marimo")
