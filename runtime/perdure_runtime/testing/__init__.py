"""Handlers tested on the real runtime, in memory: what users import as ``perdure.testing``.

Nothing is imported here: pytest loads the plugin beside it into every test run of whoever has perdure installed.
"""
