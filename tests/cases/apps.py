"""What the token of an app's server may do. `read_variables` returns that server's variables."""

import json

from tests.support.apps import open_app

ASK = (
    "import json, sys, urllib.request, urllib.error\n"
    "found = {}\n"
    "for path in json.loads(sys.argv[2]):\n"
    "    request = urllib.request.Request(sys.argv[1] + path,\n"
    "        headers={'Authorization': 'token ' + sys.argv[3]})\n"
    "    try:\n"
    "        answer = urllib.request.urlopen(request, timeout=30)\n"
    "        found[path] = [answer.status, answer.read(3000).decode(errors='replace')]\n"
    "    except urllib.error.HTTPError as error:\n"
    "        found[path] = [error.code, '']\n"
    "print(json.dumps(found))\n"
)


def test_an_apps_token_gets_nothing_of_its_authors(published, ada, linus, read_variables):
    open_app(linus, ada)
    variables = read_variables()
    paths = ["/mosshub/broker-account", "/mosshub/messages", "/mosshub/apps", "/users"]
    url, token = variables["JUPYTERHUB_API_URL"], variables["JUPYTERHUB_API_TOKEN"]
    found = json.loads(ada.inside("python3", "-c", ASK, url, json.dumps(paths), token))
    assert json.loads(found["/mosshub/broker-account"][1])["username"] == "app.ada.peek"
    assert {found[path][0] for path in paths[1:]} == {403}
