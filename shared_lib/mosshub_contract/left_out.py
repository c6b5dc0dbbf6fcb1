"""What a start of a user's server may leave out, as hub and server name it."""

#: The environment variable that tells the server, its words separated by commas.
VARIABLE = "MOSSHUB_WITHOUT"
#: The user's own packages, and their settings of marimo.
PACKAGES, SETTINGS = "packages", "settings"
