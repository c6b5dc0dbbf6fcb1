"""How a user's server is started: `docker` in a container, `local` as a process."""
