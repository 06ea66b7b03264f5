"""The stand-in for DreamApply: a local server with invented applicants, for tests and for trying the assistant."""

from integrations.application_status.stand_in.server import KEY, StandIn

__all__ = ["KEY", "StandIn"]
