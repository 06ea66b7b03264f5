"""DreamApply, where applicants for degree studies apply: its interface of the ninth version, read only.

`calls` asks, within the limits; `shapes` says what is taken from an answer, and so what is not; `cases` is where an
application stands; `journal` is what changed.
"""

from integrations.application_status.dreamapply.client import DreamApply

__all__ = ["DreamApply"]
