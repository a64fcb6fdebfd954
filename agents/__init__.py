"""Light agents: one process on each machine, one link per device."""
