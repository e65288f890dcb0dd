"""Puts this folder in the path of the tests below it, which share its rig."""
