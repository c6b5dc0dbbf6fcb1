"""What hub, user's server, broker and library must agree on, each of it once.

It depends on nothing but Python's standard library, because all of them import it:

| module           | what                                                                    |
|------------------|-------------------------------------------------------------------------|
| `topics`         | names and settings of the topics under a prefix                         |
| `broker_admin`   | the hub's own account on the broker, and how its password is derived    |
| `broker_account` | the file by which a user's server hands a broker account to notebooks   |
| `files`          | writing a file whole or not at all                                      |
| `ports`          | a TCP port that nobody listens on                                       |
| `processes`      | ending a process with its parent                                        |
| `page_loads`     | whether a browser's request loads a whole page                          |
| `server_report`  | what a user's server tells the hub about itself                         |
| `left_out`       | what a start of a user's server may leave out                           |
| `amounts`        | amounts of memory and disk, as a person reads them                      |
| `redaction`      | log lines without codes, tokens, cookies and passwords                  |
"""
