"""The proxy in front of marimo: admits requests and WebSockets and passes them on.

| module            | what                                                             |
|-------------------|------------------------------------------------------------------|
| `handler`         | the request handler, put together from the three parts below     |
| `sign_in`         | decides who may come in, before a byte of the body is read       |
| `http_proxy`      | bodies and answers                                               |
| `websocket_proxy` | WebSockets                                                       |
| `frames`          | messages in a WebSocket's bytes (pure functions)                 |
| `backend`         | one request on its way to marimo                                 |
| `origin`          | where a request comes from (pure functions)                      |
| `headers`         | which headers pass between browser and marimo (pure functions)   |
| `content_policy`  | what a browser may do with an answer (pure functions)            |
| `paths`           | paths of requests (pure functions)                               |
| `other_spelling`  | addresses that are this server's, written in another way         |
| `error_pages`     | what a request gets that does not get marimo's answer            |
| `pages`           | the pages that are not marimo's                                  |
| `own_page`        | a request that this program answers without marimo               |
| `callback`        | the end of a sign-in                                             |
| `hub_auth`        | asks the hub who is signed in                                    |
| `services`        | what all handlers share                                          |
"""
