"""`python -m marimo_singleuser.marimo_patches`: marimo's own program, with the work-arounds."""

from marimo._cli.cli import main

from marimo_singleuser.marimo_patches import (
    dead_kernels,
    deferred_run,
    ended_kernels,
    idle_kernels,
    kept_versions,
    known_environment,
    left_out,
    missed_messages,
    outputs_file,
    safe_path,
    saved_outputs,
    shown_cells,
    team_folder,
    waiting_kernel,
)

if __name__ == "__main__":
    left_out.install()
    safe_path.install()
    dead_kernels.install()
    saved_outputs.install()
    outputs_file.install()
    deferred_run.install()
    ended_kernels.install()
    idle_kernels.install()
    known_environment.install()
    kept_versions.install()
    missed_messages.install()
    shown_cells.install()
    team_folder.install()
    waiting_kernel.install()  # the last: it starts a kernel as the others have it
    main(prog_name="marimo")
