"""The frame around every page of marimo: a bar that also speaks for the platform.

| module         | what                                                                    |
|----------------|-------------------------------------------------------------------------|
| `routes`       | which requests are for this room                                        |
| `handlers`     | answers what the frame asks, and its form                               |
| `page`         | lays the frame into a page of marimo; its script                        |
| `status`       | how server, broker, hub and kernels are                                 |
| `limits`       | memory and processor time against their limits (control groups)         |
| `reach`        | whether a TCP port answers                                              |
| `ended`        | kernels that ended by themselves, or because nobody used them           |
| `seen`         | which pages are seen                                                    |
| `views`        | whether a notebook opens as an app or to be edited                      |
| `small_files`  | reads files in a home, where anything may stand                         |
| `static/`      | the script, from three files: sockets and requests, state, and the bar  |
"""
