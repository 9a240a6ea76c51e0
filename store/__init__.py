"""All that is kept in SQL: conversations, runs, decisions, agents, documents, keys, usage.

Each resource is a module of functions over a `Database`; each takes the `Identity` it acts for, so that
no query can forget its tenant. The exceptions are named in their modules: boot, the line and keys.
"""
