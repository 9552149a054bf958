"""The command line of bpfre. Nothing heavy is imported before a command runs."""
