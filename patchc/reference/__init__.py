"""What a network means, in numpy: a Graph layer by layer, a Schedule byte by byte."""

from patchc.reference.graph import run_graph, run_node
from patchc.reference.schedule import Execution, ScheduleStats, execute, run_schedule
from patchc.reference.shadow import ShadowMemoryError

__all__ = [
    "Execution",
    "ScheduleStats",
    "ShadowMemoryError",
    "execute",
    "run_graph",
    "run_node",
    "run_schedule",
]
