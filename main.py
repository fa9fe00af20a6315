"""Runs a job from the command line; the installed command `qnas` is the same.

python main.py --config=configs/digits.py --workdir=runs/digits [--stage=search]
"""

from qnas_jax.command.entry import main

if __name__ == "__main__":
    main()
