"""The search for a Plan: orders, units, tunnels between cut points, the frontier, the choice."""
