"""Python files that users bring: loaded, called, and run in processes of their own.

Nothing here needs JAX, so a process that only runs a user's code starts fast.
"""
