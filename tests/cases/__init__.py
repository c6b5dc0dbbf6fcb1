"""Cases that hold for users' servers of every kind: tests/docker and tests/cluster run the same.

A module there takes them over with `from tests.cases.… import *`, and has fixtures `ada`, `linus`
and `idle`.
"""
