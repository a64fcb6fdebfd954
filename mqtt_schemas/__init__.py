"""The contract between agents and orchestrator; the only thing that both wings share."""
