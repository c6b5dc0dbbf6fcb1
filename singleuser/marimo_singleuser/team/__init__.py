"""The team's folder `~/team`, as a user's server has it.

| module    | what                                                             |
|-----------|------------------------------------------------------------------|
| `places`  | where it is, and which paths stay in it                          |
| `links`   | `~/team` and `~/data` in the home                                |
| `saves`   | what marimo's process saved there, as it writes it down          |
| `record`  | tells the hub what this server does there, and asks for others   |
| `listing` | what the start page shows of it                                  |
| `variables` | what the hub's variables say of it                              |
"""
