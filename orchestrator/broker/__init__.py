"""Brokers: who may do what on them, their configuration, and the embedded one."""
