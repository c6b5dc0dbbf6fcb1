"""The user's home directory: notebooks and installed packages."""
