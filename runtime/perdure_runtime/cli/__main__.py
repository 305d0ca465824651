"""`python -m perdure_runtime.cli`: the command without its script."""

from perdure_runtime.cli.main import main

main()
