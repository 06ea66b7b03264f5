"""Nominations and learning agreements as other systems hand them out: tables and Erasmus Without Paper, in a folder."""

from integrations.application_status.mobility.files import MobilityFiles, check
from integrations.application_status.mobility.records import Problem

__all__ = ["MobilityFiles", "Problem", "check"]
