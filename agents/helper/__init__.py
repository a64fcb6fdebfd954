"""The desktop helper: what the agent, a system service, can't do itself in a user's session."""
