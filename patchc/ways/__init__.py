"""What to change where a budget cannot be met, each change tried out by the planner."""

from patchc.ways.budget import Asked, missed

__all__ = ["Asked", "missed"]
