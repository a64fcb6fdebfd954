"""The contract between agents and orchestrator; the only thing that both wings share."""

__version__ = "0.1.0"
