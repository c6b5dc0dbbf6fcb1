"""Who may write where in the team's folder: `shared` are ada, who is in the group team, and grace.

Grace is in team and in admins.
"""

from tests.support.people import ContainerPerson


def write(member: ContainerPerson, path: str, text: str = "x") -> str:
    """Write a file as the person; return the shell's error, empty if it worked."""
    return member.attempt(f"echo '{text}' > {path}").stderr


def test_members_write_and_others_only_read(
    shared: tuple[ContainerPerson, ContainerPerson],
) -> None:
    ada, grace = shared
    for place in ("everybody", "team", "admins"):
        assert write(grace, f"~/team/{place}/by-grace") == ""
        assert ada.inside("cat", f"/home/mosshub/team/{place}/by-grace").strip() == "x"
    for place in ("everybody", "team"):  # the nearest that she may
        assert write(ada, f"~/team/{place}/by-ada") == ""
        assert write(grace, f"~/team/{place}/by-ada", "both") == ""
        assert ada.inside("cat", f"/srv/team/{place}/by-ada").strip() == "both"
    for attempt in (
        "touch ~/team/admins/by-ada",
        "echo y > ~/team/admins/by-grace",
        "rm ~/team/admins/by-grace",
        "chmod 777 ~/team/admins",
        "rmdir ~/team/admins || mv ~/team/admins ~/team/mine",
        "touch /srv/team/x",
        "mount -o remount,rw /srv/team/admins",
    ):
        done = ada.attempt(attempt)
        assert done.returncode != 0, attempt
    assert sorted(ada.inside("ls", "/srv/team/admins").split()) == ["by-grace"]
