"""Backups of a team's platform in a restic repository, and what brings them back.

Everything here runs in a container of its own (`docker/backup.yaml`), beside the running platform.

| module      | what                                                                      |
|-------------|---------------------------------------------------------------------------|
| `settings`  | the settings, from the environment                                        |
| `places`    | where a backup's parts are, in the container and in a snapshot            |
| `manifest`  | what a backup holds, and which format it has                              |
| `batches`   | Kafka's batches of records: which a backup keeps, how a broker takes them |
| `connection`| the connection with the broker                                            |
| `broker`    | topics, their settings, positions of groups: from a broker and to one     |
| `records`   | batches of records: from a broker and to one                              |
| `topics`    | the snapshot of all topics and groups                                     |
| `accounts`  | accounts on the broker, from the hub's database and the broker secret     |
| `database`  | the hub's databases                                                       |
| `restic`    | runs restic                                                               |
| `failures`  | says in a sentence what went wrong in restic                              |
| `create`    | makes a whole backup                                                      |
| `restore`   | brings one back                                                           |
| `listing`   | lists the backups                                                         |
| `schedule`  | makes one every day                                                       |
"""
