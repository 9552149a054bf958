"""`python -m bpfre_cli`."""

from bpfre_cli.app import main

main()
