"""How a user publishes a notebook as an app.

| module      | what                                                              |
|-------------|-------------------------------------------------------------------|
| `collect`   | puts a snapshot together: notebook, data files, packages          |
| `kept`      | the notebook's kept outputs as a page without scripts             |
| `problems`  | why a notebook cannot be an app                                   |
| `hub_apps`  | sends it to the hub, and asks which apps there are                |
| `publisher` | publishes, and remembers which notebooks an app follows           |
| `following` | publishes a notebook again when its file changes                  |
| `handlers`  | the page on which a user publishes                                |
| `socket`    | the same for the command `mosshub` of the user's terminal         |
| `command`   | that command                                                      |
"""
