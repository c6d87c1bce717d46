"""The commands of the command line: one module each, with `add(subparsers)` and `run(given)`."""
