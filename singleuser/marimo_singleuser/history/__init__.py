"""Earlier versions of every notebook, to look at and to bring back.

marimo's process keeps a version at each save (`marimo_patches.kept_versions`), in one file of the
user's home (`store`). The page compares versions cell by cell (`cells`).
"""
