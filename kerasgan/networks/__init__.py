"""Functional networks that more than one family uses."""
