"""Copies of notebooks that users give each other.

The hub keeps them (`hub/copies`). A copy is shown by the server of whoever looks at it, without a
kernel and without a script; only its code can be taken.

| module     | what                                                            |
|------------|-----------------------------------------------------------------|
| `bundle`   | a notebook's code and saved outputs, as a page can show them    |
| `hub`      | gives copies to the hub, lists them, takes them                 |
| `taken`    | which notebooks the user took, and from whom; writes a new one  |
| `listing`  | what the pages say of copies                                    |
| `policy`   | what a browser may do with a page that shows outputs            |
| `handlers` | the pages and their buttons                                     |
"""
