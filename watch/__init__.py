"""What Prometheus reads about the broker, agents, the certificate and the backups.

`python -m watch` answers at `/metrics`, to whoever has the token METRICS_TOKEN. In containers the
service `watch` of docker/monitoring.yaml runs it. The hub answers for itself and users' servers.

| module        | what                                                              |
|---------------|-------------------------------------------------------------------|
| `settings`    | which broker, which certificate, which backups                    |
| `owners`      | whose a topic or a group is, by its name (pure functions)         |
| `broker`      | asks the broker for topics, groups and its disk                   |
| `heartbeats`  | reads what agents tell of themselves                              |
| `certificate` | until when the certificate is valid                               |
| `backups`     | when the last daily backup was made, and how it ended             |
| `collector`   | all of it as metrics                                              |
| `server`      | the web server                                                    |

Labels have names of users, groups and agents, cut to a length and a number: users choose them. No
message, no notebook and no secret is in a metric.
"""
