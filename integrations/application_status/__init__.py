"""Where applicants stand: one interface to the systems that know it.

A system more is one module here, its tests, and a line where bot.app builds the providers.
"""

from integrations.application_status.case import (
    Applicant,
    Case,
    Changes,
    Gone,
    Kind,
    Refused,
    State,
    StatusProvider,
    Task,
    Unavailable,
)

__all__ = [
    "Applicant",
    "Case",
    "Changes",
    "Gone",
    "Kind",
    "Refused",
    "State",
    "StatusProvider",
    "Task",
    "Unavailable",
]
