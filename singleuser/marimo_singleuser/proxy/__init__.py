"""The proxy in front of marimo: it admits requests and WebSockets and passes them on."""
