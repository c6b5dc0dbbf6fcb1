"""`make smoke URL=…`: does an installation do what it is for? As a user does it, from outside.

| module     | what                                                                    |
|------------|-------------------------------------------------------------------------|
| `platform` | the hub: its sign-in, who the token is, starting and stopping the editor|
| `editor`   | a notebook in that editor, and cells that run in its kernel             |
| `apps`     | an app made of that notebook                                            |
| `sockets`  | WebSockets of marimo's pages                                            |
| `cells`    | the code of these cells                                                 |
| `errors`   | what failed, as a sentence with the part's name                         |
| `__main__` | the steps in their order                                                |

It knows no other room: it asks an installation that may be another version, on another host.
"""
