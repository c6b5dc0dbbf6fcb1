"""JupyterLab's server with marimo's extension: no sandbox, and no question to PyPI."""

c = get_config()  # noqa: F821  traitlets defines it
c.MarimoProxyConfig.sandbox = None
c.MarimoProxyConfig.skip_update_check = True
