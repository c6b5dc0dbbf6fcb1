"""marimo's own files, sent without asking marimo, and compressed where the image has them so.

| module       | what                                                        |
|--------------|-------------------------------------------------------------|
| `files`      | where they are, and in which encoding one is sent           |
| `page_files` | those that a notebook's page needs                          |
| `handlers`   | the request for one                                         |
"""
