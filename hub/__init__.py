"""What `jupyterhub_config.py` imports."""
