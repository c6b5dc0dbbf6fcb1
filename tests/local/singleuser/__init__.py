"""marimo_singleuser in front of a real marimo, behind a real JupyterHub and its proxy."""
