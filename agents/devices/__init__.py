"""Devices: what an agent can watch and order."""
