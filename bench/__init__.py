"""Side-by-side measurements: `make bench`, or `python -m bench PART` for one.

| module      | what                                                                  |
|-------------|-----------------------------------------------------------------------|
| `catalogue` | what is measured: titles, units, tables, goals                         |
| `samples`   | the raw figures of one part, a JSON file each in `results/raw`         |
| `report`    | makes `results/README.md` of the raw figures; `chart` its picture      |
| `subjects`  | who is compared; `rivals/` has the images                              |
| `hubs`      | JupyterHub as it comes, and Mosshub's hub, both with containers        |
| `visits`    | what a person does, in a browser                                       |
| `pages`, `memory`, `hub_load`, `starts`, `streaming` | the parts                     |
| `scale`     | a part only when asked for: 1,000 people, a cluster of simulated nodes |
| `soak`      | no part of these: `make soak` looks for what grows over hours         |

Each part measures everybody in turn, round after round, so that whatever else the machine does
meets all alike.
"""
