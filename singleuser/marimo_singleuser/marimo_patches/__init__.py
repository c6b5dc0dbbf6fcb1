"""Work-arounds for marimo, in marimo's own process; `__main__` installs them and runs marimo.

Each module works around one thing and has a function `install`. Its `WORKAROUND` mark names the
version of marimo and the test that shows the fault. `tests/unit/test_workarounds.py` fails when
another version is locked: then take the work-around out and run its test.
"""
