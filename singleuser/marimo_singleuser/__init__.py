"""The program in front of marimo in every user's server."""
