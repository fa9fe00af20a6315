"""The `qnas` command: its flags and sub-commands; `main.py` is the same."""
