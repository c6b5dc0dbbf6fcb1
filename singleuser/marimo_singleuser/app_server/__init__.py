"""The server of an app: a snapshot of a notebook in run mode, and nothing else of its author's.

| module       | what                                                              |
|--------------|-------------------------------------------------------------------|
| `run`        | puts the parts together and runs them                             |
| `snapshot`   | fetches the snapshot from the hub, at the start and when it changes |
| `packages`   | installs what the author had installed                            |
| `marimo_run` | marimo's command line for an app                                  |
| `front`      | marimo's own program, which learns a viewer's name where it may   |
| `handler`    | which requests reach marimo, and what is in them                  |
| `page`       | the bar above the app                                             |
"""
