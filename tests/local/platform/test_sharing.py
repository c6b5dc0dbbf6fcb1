"""What two people share through one hub: the team's folder, and copies of notebooks.

The hub is the laptop's own without a broker, and the editors are real ones.
"""

import json
import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
import requests
from mosshub_contract.copies import Audience, Cell, Copy, Output, to_json

from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

NOTEBOOK = """import marimo

app = marimo.App()


@app.cell
def _():
    x = 1
    return
"""
SERVER = str(Path(sys.executable).parent / "marimo-singleuser")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    data = tmp_path_factory.mktemp("hub") / "data"
    with LightHub(data, LIGHT_COMMAND=SERVER, TEAM_GROUPS="lab", TEAM_LIMIT="10G") as running:
        yield running


@pytest.fixture(scope="module")
def ada(hub: LightHub) -> LocalPerson:
    person = LocalPerson(hub, "ada")
    person.editor()
    return person


@pytest.fixture(scope="module")
def linus(hub: LightHub) -> LocalPerson:
    person = LocalPerson(hub, "linus")
    person.editor()
    return person


def home(person: LocalPerson) -> str:
    """Return the text of a person's start page, its blanks as one."""
    page = person.session.get(person.base, timeout=60)
    assert page.status_code == 200, page.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page.text)))


def press(person: LocalPerson, button: str, **fields: str) -> requests.Response:
    """Send a form of the person's pages as a browser does."""
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": person.origin, "Accept": "text/html"}
    url = f"{person.base}_mosshub/{button}"
    return person.session.post(url, data=fields, headers=headers, timeout=60)


def notebooks(hub: LightHub, person: LocalPerson) -> Path:
    return hub.data_dir / "users" / person.name / "notebooks"


def token(hub: LightHub, person: LocalPerson) -> dict[str, str]:
    """Return the header with which a person's own server talks to the hub."""
    for process in hub.hub_process().children(recursive=True):
        env = process.environ()
        if env.get("JUPYTERHUB_USER") == person.name and "JUPYTERHUB_API_TOKEN" in env:
            return {"Authorization": f"token {env['JUPYTERHUB_API_TOKEN']}"}
    raise AssertionError(f"no server of {person.name}")


def test_a_notebook_of_the_team_is_written_by_two(
    hub: LightHub, ada: LocalPerson, linus: LocalPerson
) -> None:
    team = hub.data_dir / "team"
    file = team / "everybody" / "both.py"
    file.write_text(NOTEBOOK)
    for person in (ada, linus):
        link = hub.data_dir / "users" / person.name / "team"
        assert (link / "everybody" / "both.py").read_text() == NOTEBOOK
        roots = person.session.get(f"{person.base}api/files/roots", timeout=60)
        assert f'"{team}"' in roots.text, "marimo's list of files has it, too"
    assert "everybody/both.py written just now" in home(linus)

    for person, other in ((ada, linus), (linus, ada)):
        width = {"ada": "full", "linus": "medium"}[person.name]
        notebook = person.notebook(str(file))
        assert notebook.post("api/kernel/save_app_config", {"config": {"width": width}}).ok
        assert f'width="{width}"' in file.read_text()
        saved = f"everybody/both.py saved by {person.name}, "
        # An open page asks every few seconds, and so the hub learns of the save.
        wait_until(lambda p=person, o=other, s=saved: home(p) and s in home(o), 60, saved)
    said = "is open in linus's editor, too"

    def told() -> bool:
        status = ada.session.get(f"{ada.base}_mosshub/status", timeout=30).json()
        return any(said in message["text"] for message in status["messages"])

    wait_until(told, 60, "ada's page says that linus has it open")
    assert "open in linus's editor" in home(ada)
    # What ada's save replaced is in her history, and comes back over what linus saved.
    page = ada.session.get(f"{ada.base}_mosshub/history", params={"file": str(file)}, timeout=60)
    assert "Earlier versions of ~/team/everybody/both.py" in page.text
    first = re.findall(r"version=(\d+)", page.text)[-1]
    assert "both.py is as it was" in press(ada, "bring-back", version=first).text
    assert file.read_text() == NOTEBOOK
    for person in (ada, linus):
        for notebook in person.notebooks:
            notebook.socket.close()


def test_nobody_records_a_save_where_they_may_not_write(
    hub: LightHub, ada: LocalPerson, linus: LocalPerson
) -> None:
    url = f"http://127.0.0.1:{hub.hub_port}/hub/api/mosshub/team-folder"
    told = json.dumps({"saved": {"lab/x.py": 5.0, "everybody/y.py": 5.0}, "opened": []})
    answer = requests.post(url, data=told, headers=token(hub, linus), timeout=30).json()
    assert answer["saved"]["everybody/y.py"] == ["linus", 5.0]
    assert "lab/x.py" not in answer["saved"]
    for headers in ({}, {"Authorization": "token nonsense"}):
        assert requests.post(url, data=told, headers=headers, timeout=30).status_code == 403
    assert ada.api("POST", "mosshub/team-folder", data=told).status_code == 403, "a page's cookie"


def test_a_copy_is_sent_taken_and_its_original_changes(
    hub: LightHub, ada: LocalPerson, linus: LocalPerson
) -> None:
    original = notebooks(hub, ada) / "given.py"
    original.write_text(NOTEBOOK)
    mine = notebooks(hub, linus) / "given.py"
    mine.write_text("# linus's own\n")
    form = ada.session.get(f"{ada.base}_mosshub/copies?file=given.py", timeout=60)
    assert "Give a copy of given.py" in form.text
    assert "Say who may have" in press(ada, "copies", notebook="given.py").text
    assert "nobody with the name x" in press(ada, "copies", notebook="given.py", users="x").text
    given = press(ada, "copies", notebook="given.py", users="linus")
    assert "A copy of given.py is given to: linus." in given.text
    (id_,) = set(re.findall(r"copy\?id=([0-9a-f]{32})", given.text))

    wait_until(lambda: "given.py from ada" in home(linus), 60, "it waits on linus's start page")
    page = linus.session.get(f"{linus.base}_mosshub/copy?id={id_}", timeout=60)
    assert "x = 1" in page.text and "<script" not in page.text
    took = press(linus, "copy-take", id=id_)
    assert "given-copy.py is yours" in unescape(took.text)
    assert (notebooks(hub, linus) / "given-copy.py").read_text() == NOTEBOOK
    assert mine.read_text() == "# linus's own\n", "nothing is written over"
    assert "given.py from ada" not in home(linus)

    original.write_text(NOTEBOOK.replace("x = 1", "x = 2"))
    noticed = "given-copy.py comes from ada's given.py : ada has changed it since"
    wait_until(lambda: home(ada) and noticed in home(linus), 60, "linus learns of the change")
    press(ada, "copies", notebook="given.py", users="linus")
    newer = "ada gives a newer version"
    wait_until(lambda: newer in home(linus), 60, "linus learns of the newer copy")
    assert "x = 2" in linus.session.get(f"{linus.base}_mosshub/copy?id={id_}", timeout=60).text
    assert "waits no longer" in press(linus, "copy-dismiss", id=id_).text
    assert "given.py from ada" not in home(linus)

    assert press(linus, "copy-back", id=id_).status_code == 403, "it is not his"
    assert "taken back" in press(ada, "copy-back", id=id_).text
    gone = linus.session.get(f"{linus.base}_mosshub/copy?id={id_}", timeout=60)
    assert gone.status_code == 404 and "took it back" in gone.text
    assert (notebooks(hub, linus) / "given-copy.py").exists()


def test_a_copy_by_a_link_needs_its_authors_editor_no_more(
    hub: LightHub, ada: LocalPerson, linus: LocalPerson
) -> None:
    (notebooks(hub, ada) / "linked.py").write_text(NOTEBOOK)
    sent = press(ada, "copies", notebook="linked.py", link="yes").text
    link = next(
        value for value in re.findall(r'readonly value="([^"]+)"', sent) if "user-redirect" in value
    )
    assert link.startswith(f"{hub.url}/hub/user-redirect/")
    assert "linked.py" not in home(linus), "it waits for nobody"
    url = f"http://127.0.0.1:{hub.hub_port}/hub/api/mosshub/copies/{link[-32:]}"
    for_linus = token(hub, linus)
    only_ada = press(ada, "copies", notebook="linked.py", users="ada").text
    secret = next(i for i in re.findall(r"copy\?id=([0-9a-f]{32})", only_ada) if i != link[-32:])

    ada.api("DELETE", "users/ada/server")
    wait_until(lambda: ada.session.get(ada.base, timeout=60).url != ada.base, 60, "ada is away")
    opened = linus.session.get(unescape(link), timeout=60)
    assert opened.url.startswith(linus.base) and "x = 1" in opened.text
    policy = opened.headers["Content-Security-Policy"]
    assert "script-src 'none'" in policy and "allow-scripts" not in policy
    assert requests.get(url, headers=for_linus, timeout=30).json()["about"]["author"] == "ada"
    for place in (secret, "0" * 32):
        other = url.replace(link[-32:], place)
        assert requests.get(other, headers=for_linus, timeout=30).status_code == 404
        assert requests.delete(other, headers=for_linus, timeout=30).status_code == 404
    assert requests.get(url, timeout=30).status_code == 403
    assert ada.api("GET", f"mosshub/copies/{link[-32:]}").status_code == 403, "a page's cookie"


def test_a_hostile_copy_is_text(hub: LightHub, linus: LocalPerson) -> None:
    """Whoever has a server's token may send the hub anything; a page shows it as text."""
    outputs = (Output("html", "<p>'\"></iframe><script>x()</script>"), Output("text", "<b>"))
    cell = Cell("</pre><script>x()</script>", outputs)
    copy = Copy("<i>.py", "", (cell,), Audience(users=("linus",)))
    url = f"http://127.0.0.1:{hub.hub_port}/hub/api/mosshub/copies"
    sent = requests.post(url, data=to_json(copy), headers=token(hub, linus), timeout=30)
    assert sent.status_code == 200, sent.text
    page = linus.session.get(f"{linus.base}_mosshub/copy?id={sent.json()['id']}", timeout=60).text
    assert "<script" not in page and "<i>.py" not in page
    assert page.count("</iframe>") == 1 and 'sandbox=""' in page
    foreign = to_json(Copy("a.py", "", (), Audience(groups=("lab",))))
    refused = requests.post(url, data=foreign, headers=token(hub, linus), timeout=30)
    assert refused.status_code == 403 and "You are in no group lab" in refused.text
