"""`python -m qnas_jax` is the command `qnas`."""

from qnas_jax.command.entry import main

if __name__ == "__main__":
    main()
