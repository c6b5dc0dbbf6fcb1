"""The user's start page: the first page of their server, which marimo has no part in.

| module         | what                                                                    |
|----------------|-------------------------------------------------------------------------|
| `routes`       | which requests are for this room                                        |
| `handlers`     | answers requests for the page, its files and its buttons                |
| `page`         | the page as HTML, and its files                                         |
| `content`      | gathers what the page shows                                             |
| `describe`     | title and first sentence of a notebook                                  |
| `pictures`     | the picture of a notebook                                               |
| `recent`       | the user's own notebooks, the newest first                              |
| `marimo_api`   | asks marimo which notebooks run, and stops one                          |
| `prefetch`     | the script that fetches the files of marimo's page ahead                |
"""
