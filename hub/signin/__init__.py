"""Who may sign in: through the team's identity provider, or on a laptop with a shared password."""
