"""`python -m syncchat`: the command, where no script is installed."""

from syncchat.cli import main

main(prog_name="syncchat")
