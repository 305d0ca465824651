"""The web UI: pages for operators, made by the node itself and served on its admin port under `/ui/`."""
