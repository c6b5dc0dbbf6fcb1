"""The database of a hub that was used, and what is in it."""

from __future__ import annotations

from typing import Any

from jupyterhub import orm, roles


def fill(url: str) -> None:
    """Make a hub's database: users, a group, tokens, a server that runs; numbers with gaps."""
    db = orm.new_session_factory(url)()
    for role in roles.get_default_roles():
        roles.create_role(db, role)
    db.add(orm.OAuthClient(identifier="jupyterhub"))  # the client of tokens that users make
    team = orm.Group(name="team", properties={"colour": "green"})
    for name in ("zoe", "ada", "größe"):
        user = orm.User(name=name, admin=name == "ada", groups=[team])
        db.add(user)
        db.flush()
        db.add(orm.Spawner(name="", user=user, user_options={"size": name}))
    db.commit()
    ada = orm.User.find(db, "ada")
    ada.new_api_token(token="a-token-of-ada", note="hers")
    ada.new_api_token(token="of-the-server", note="Server at /user/ada/")
    spawner = ada.orm_spawners[""]
    spawner.server = orm.Server(ip="172.29.240.2", port=8888, base_url="/user/ada/")
    spawner.state = {"object_id": "1a2b3c"}
    spawner.oauth_client = orm.OAuthClient(identifier="jupyterhub-user-ada")
    db.delete(orm.User.find(db, "zoe"))
    db.commit()
    db.close()
    db.get_bind().dispose()


def contents(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return every row of JupyterHub's tables."""
    db = orm.new_session_factory(url)()
    try:
        return {
            table.name: [dict(row._mapping) for row in db.execute(table.select())]
            for table in orm.Base.metadata.sorted_tables
        }
    finally:
        db.close()
        db.get_bind().dispose()


def without_servers(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows as they are after ada's server has ended."""
    spawners = [
        row | {"server_id": None, "oauth_client_id": None, "state": {}} for row in rows["spawners"]
    ]
    return rows | {
        "servers": [],
        "spawners": spawners,
        "api_tokens": [r for r in rows["api_tokens"] if r["note"] == "hers"],
        "oauth_clients": [r for r in rows["oauth_clients"] if r["identifier"] == "jupyterhub"],
    }
