"""Hostile input at every door: what strangers, callers, endpoints, nodes and operators may send, in great numbers.

A target is a door with the real code behind it, in process, and a function that gives it one input. The input is bytes
that a coverage-guided fuzzer has chosen; ``dice`` reads decisions from them, so that most inputs are nearly right. No
input may raise, log an error, leave something running, or leave memory behind. ``make fuzz`` gives them a million.
"""
