"""The program in front of marimo in every user's server.

| part                | what                                                                       |
|---------------------|----------------------------------------------------------------------------|
| `app`               | puts the parts together and runs them                                      |
| `settings`          | reads what the hub tells the server                                        |
| `proxy/`            | admits requests and WebSockets and passes them on to marimo                |
| `app_server/`       | the same program where the server runs an app that a user published        |
| `publishing/`       | how a user publishes a notebook as an app                                  |
| `start_page/`       | the first page, which marimo has no part in                                |
| `home/`             | prepares the home directory: notebooks and the Python environment          |
| `marimo_patches/`   | works around faults of marimo, in marimo's own process                     |
| `marimo_process`    | keeps marimo running                                                       |
| `activity`          | tells the hub when the user or a kernel last did something                 |
| `hub_library`       | loads JupyterHub's sign-in without the hub's database                      |
| `broker_account`    | keeps the user's broker account in a file for notebooks                    |
| `processes`         | looks after the processes below this one                                   |
"""
