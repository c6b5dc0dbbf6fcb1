"""A broker account for every person: made at the spawn, gone with the person.

`rights` says who may do what, `broker` changes it there, `keeper` decides when, `hooks` puts that
into JupyterHub. `python -m hub.accounts check` compares the two and repairs.
"""
